import { z } from 'zod'

/** The setting that names a file for what a run has found. */
export const figuresSetting = 'HYPERNETES_KILLS_FIGURES'

/** What a run has found that lost nothing. `ext4` and `xfs`: records acknowledged there; `inSnapshot`: those of the ext4 before its last snapshot; `seconds`: from the first kill until all was looked at. */
export const killFigures = z.object({
  seed: z.number(),
  seconds: z.number(),
  killed: z.object({ agent: z.number(), control: z.number(), QEMU: z.number() }),
  ext4: z.number(),
  xfs: z.number(),
  inSnapshot: z.number(),
  interruptions: z.number(),
})
export type KillFigures = z.infer<typeof killFigures>
