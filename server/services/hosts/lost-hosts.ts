import { z } from 'zod'
import type { HostView } from '@/domain/host/view'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Actor } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { countLostRemovals } from '@/server/store/lost-removals'
import { countVolumesOf, failPodsOf, holdHost, markHostLost, markHostReadmitted } from '@/server/store/lost-hosts'
import { recordAccountAudit } from '@/server/store/users'
import type { ServerContext } from '../context'
import { getHost, hostReference } from './hosts'

/** `confirm`: the name once more, of who has seen to it that the machine is off. */
export const declareLostInput = hostReference.extend({ confirm: z.string().max(253) })

/**
 * An operator's word that a machine is off, or will be set up anew, and that no virtual machine of it runs any more: its pods have failed, and what they had in stores that all hosts see may go to others.
 * The word is trusted, so the host is not let in any more until it is readmitted. Said again it changes nothing.
 */
export function declareLost(ctx: ServerContext, actor: Actor, { name, confirm }: z.output<typeof declareLostInput>): Promise<HostView> {
  return changeHost(ctx, name, async (tx, host) => {
    if (confirm !== name) throw new DomainError('invalid_input', `Declaring a host lost needs its name twice: "confirm" is "${confirm}", and the host is called "${name}".`, { problems: [{ path: 'confirm', line: null, message: `must be ${name}` }] })
    if (host.lostAt) return
    if (host.phase === 'Ready') throw new DomainError('failed_precondition', `Host "${name}" is heard of: it is not lost. Switch its machine off first, and declare it lost once it is silent.`)
    await markHostLost(tx, host.id)
    const [pods, volumes] = [await failPodsOf(tx, host), await countVolumesOf(tx, host.id)]
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'host.declareLost', kind: 'Host', name, detail: `${pods} pods that ran there have failed; ${volumes} volumes were kept there or lie on its disk` })
  })
}

/** Lets a host connect again that was declared lost. What is left there of its pods is removed then; volumes on its disk are there again, and those that were removed for good meanwhile are removed there. */
export function readmitHost(ctx: ServerContext, actor: Actor, { name }: z.output<typeof hostReference>): Promise<HostView> {
  return changeHost(ctx, name, async (tx, host) => {
    if (!host.lostAt) throw new DomainError('failed_precondition', `Host "${name}" was not declared lost: it connects by itself.`)
    await markHostReadmitted(tx, host.id)
    const removals = await countLostRemovals(tx, host.id)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'host.readmit', kind: 'Host', name, detail: `was declared lost at ${host.lostAt.toISOString()}${removals === 0 ? '' : `; ${removals} volumes and snapshots that were removed for good since are removed from its disk`}` })
  })
}

async function changeHost(ctx: ServerContext, name: string, change: (tx: Parameters<typeof markHostLost>[0], host: NonNullable<Awaited<ReturnType<typeof holdHost>>>) => Promise<void>): Promise<HostView> {
  await inTransaction(ctx.db, async (tx) => {
    const host = await holdHost(tx, name)
    if (!host) throw notFound('Host', name)
    await change(tx, host)
  }, { repeatable: true })
  const { pods: _, removals: __, volumes: ___, podCount: ____, ...view } = await getHost(ctx, name)
  return view
}
