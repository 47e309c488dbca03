import { z } from 'zod'

/** What a change of a group's rules does: whose traffic to whom is let in from now on, or cut off. At most five names stand on each side. */
export const ruleChange = z.object({ allowed: z.boolean(), traffic: z.string(), from: z.array(z.string()), fromCount: z.number().int(), to: z.array(z.string()), toCount: z.number().int() })
export type RuleChange = z.infer<typeof ruleChange>
/** `members`: pods that the group has with the change. `truncated`: there are more pods or ports than were looked at. */
export const rulePreview = z.object({ changes: z.array(ruleChange), total: z.number().int(), members: z.number().int(), truncated: z.boolean() })
export type RulePreview = z.infer<typeof rulePreview>
