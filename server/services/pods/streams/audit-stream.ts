import type { Scope } from '@/server/auth/scope'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../../context'
import type { StreamBytes } from '../../host-streams'

type Subject = { namespace: string; name: string }

/**
 * The audit of one stream: `<action>.open` when it begins and `<action>.close` with the bytes that went each way when it
 * ends. `asked` is what was asked: a port, a path. A failure to write the second is the operator's to see, for the stream
 * is over; one to write the first keeps the stream from opening.
 */
export function streamAudit(ctx: ServerContext, scope: Scope, { namespace, name }: Subject, action: string, asked: string) {
  const record = (what: 'open' | 'close', detail: string) => recordAudit(ctx.db, scope, { action: `${action}.${what}`, kind: 'Pod', namespace, name, detail })
  return {
    onBegin: async (): Promise<void> => void (await record('open', asked)),
    onEnd: ({ toPod, fromPod }: StreamBytes): Promise<void> =>
      record('close', [asked, `${toPod} B in, ${fromPod} B out`].filter(Boolean).join(', ')).then(() => {}, (err: unknown) => ctx.log.error({ err, action }, 'the end of a stream was not audited')),
  }
}
