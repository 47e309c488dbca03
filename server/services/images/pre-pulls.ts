import { z } from 'zod'
import { pullSecretKeys } from '@/domain/image/docker-config'
import { parseReference } from '@/domain/image/reference'
import { shortReference } from '@/domain/image/upload'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import type { Actor, Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { countPublicPrePulls, findPullSecrets, listTenantPrePulls, putPrePull, putPublicPrePull, removePrePull } from '@/server/store/image-pre-pulls'
import { holdTenantImages } from '@/server/store/image-uploads'
import { recordAudit } from '@/server/store/records'
import { recordAccountAudit } from '@/server/store/users'
import type { ServerContext } from '../context'

/** A pre-pull is a wish for the pods of the next hours, not a promise for ever. */
const lifeMs = 24 * 3_600_000
const maxOfTenant = 20
const maxOfOperator = 100
/** Of the Secrets of one pre-pull together: logins of some hundred registries. Bytes. */
const maxSecretBytes = 64 << 10

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
    await holdTenantImages(tx, scope)
    await assertPullSecrets(tx, scope, input)
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
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'image.prePullForAll', kind: 'Image', name: shortReference(input.reference) })
    return putPublicPrePull(tx, actor.email, input.reference, expiresAt)
  })
  return { id, expiresAt: expiresAt.toISOString() }
}

async function assertPullSecrets(tx: Transaction, scope: Scope, { namespace, pullSecrets }: z.output<typeof prePullInput>): Promise<void> {
  const found = await findPullSecrets(tx, scope.tenantId, namespace, pullSecrets)
  const refuse = (message: string) => invalidInput([{ path: 'pullSecrets', line: null, message }])
  const missing = pullSecrets.find((name) => !found.some((secret) => secret.name === name))
  if (missing) throw refuse(`Secret "${missing}" does not exist in namespace "${namespace}": create it first`)
  const other = found.find(({ type }) => !Object.hasOwn(pullSecretKeys, type))
  if (other) throw refuse(`Secret "${other.name}" is of type ${other.type}: name one of type kubernetes.io/dockerconfigjson`)
  if (found.reduce((sum, { bytes }) => sum + bytes, 0) > maxSecretBytes) throw refuse(`the Secrets have more than ${maxSecretBytes >> 10} KiB together: name one that holds the login of this registry alone`)
}

function assertReference(text: string, defaultRegistry: string): void {
  const parsed = parseReference(text, defaultRegistry)
  if (!parsed.ok) throw invalidInput([{ path: 'reference', line: null, message: parsed.message }])
}
