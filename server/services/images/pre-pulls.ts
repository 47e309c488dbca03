import { z } from 'zod'
import { parseReference } from '@/domain/image/reference'
import { shortReference } from '@/domain/image/upload'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import type { Actor, Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { countPublicPrePulls, findPullSecrets, listTenantPrePulls, putPrePull, putPublicPrePull, removePrePull } from '@/server/store/image-pre-pulls'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'

/** A pre-pull is a wish for the pods of the next hours, not a promise for ever. */
const lifeMs = 24 * 3_600_000
const maxOfTenant = 20
const maxOfOperator = 100

const reference = z.string().min(1).max(600)
export const prePullInput = z.object({ reference, namespace: dnsLabel.default('default'), pullSecrets: z.array(dnsSubdomain).max(4).default([]) })
export const prePullForAllInput = z.object({ reference })
export const prePullOutput = z.object({ id: z.uuid(), expiresAt: z.string() })
export const cancelPrePullInput = z.object({ id: z.uuid() })
export const cancelPrePullOutput = z.object({ id: z.uuid() })

/** Has all hosts pull an image for this tenant before a pod names it; it is wished for a day. */
export async function prePull(ctx: ServerContext, scope: Scope, input: z.output<typeof prePullInput>): Promise<z.output<typeof prePullOutput>> {
  assertReference(input.reference, ctx.config.defaultRegistry)
  const expiresAt = new Date(Date.now() + lifeMs)
  const id = await inTransaction(ctx.db, async (tx) => {
    const found = await findPullSecrets(tx, scope.tenantId, input.namespace, input.pullSecrets)
    const missing = input.pullSecrets.find((name) => !found.some((secret) => secret.name === name))
    if (missing) throw invalidInput([{ path: 'pullSecrets', line: null, message: `Secret "${missing}" does not exist in namespace "${input.namespace}": create it first` }])
    const others = (await listTenantPrePulls(tx, scope)).filter((one) => one.reference !== input.reference)
    if (others.length >= maxOfTenant) throw new DomainError('failed_precondition', `The tenant has ${maxOfTenant} pre-pulls, which is its limit: cancel one, or wait until one has expired.`)
    await recordAudit(tx, scope, { action: 'image.prePull', kind: 'Image', name: shortReference(input.reference) })
    const { namespace, pullSecrets } = input
    return putPrePull(tx, scope, { reference: input.reference, namespace, pullSecrets, expiresAt })
  })
  return { id, expiresAt: expiresAt.toISOString() }
}

export async function cancelPrePull(ctx: ServerContext, scope: Scope, { id }: z.output<typeof cancelPrePullInput>): Promise<z.output<typeof cancelPrePullOutput>> {
  await inTransaction(ctx.db, async (tx) => {
    if ((await removePrePull(tx, scope, id)).count === 0) throw notFound('Pre-pull', id)
    await recordAudit(tx, scope, { action: 'image.cancelPrePull', kind: 'Image', name: id })
  })
  return { id }
}

/** The operator's: a public image for every tenant. */
export async function prePullForAll(ctx: ServerContext, actor: Actor, input: z.output<typeof prePullForAllInput>): Promise<z.output<typeof prePullOutput>> {
  assertReference(input.reference, ctx.config.defaultRegistry)
  const expiresAt = new Date(Date.now() + lifeMs)
  const id = await inTransaction(ctx.db, async (tx) => {
    if ((await countPublicPrePulls(tx)) >= maxOfOperator) throw new DomainError('failed_precondition', `${maxOfOperator} pre-pulls for everybody are open, which is the limit: wait until one has expired.`)
    return putPublicPrePull(tx, actor.email, input.reference, expiresAt)
  })
  return { id, expiresAt: expiresAt.toISOString() }
}

function assertReference(text: string, defaultRegistry: string): void {
  const parsed = parseReference(text, defaultRegistry)
  if (!parsed.ok) throw invalidInput([{ path: 'reference', line: null, message: parsed.message }])
}
