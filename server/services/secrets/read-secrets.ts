import { z } from 'zod'
import { revealedSecret, secretSummary, type SecretView } from '@/domain/config-map/view'
import { notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findConfiguration } from '@/server/store/configuration-objects'
import { inTransaction } from '@/server/store/database'
import { listPodsUsing } from '@/server/store/pod-references'
import { recordAudit } from '@/server/store/records'
import { findSecretObject } from '@/server/store/secret-objects'
import { listConfiguration, listConfigurationInput, toSummary } from '../config-maps/configuration-lists'
import type { ServerContext } from '../context'
import { openValues, type secretReference } from './secret-objects'

export const listSecretsInput = listConfigurationInput.extend({ sort: z.enum(['name', 'namespace', 'type', 'size', 'created']).default('name'), type: z.string().max(253).optional() })
export const listSecretsOutput = z.object({ items: z.array(secretSummary), nextCursor: z.string().nullable(), total: z.number().int() })
const sizes = z.record(z.string(), z.number().int())

/** One page of the tenant's Secrets, without their values. */
export async function listSecrets(ctx: ServerContext, scope: Scope, input: z.output<typeof listSecretsInput>): Promise<z.output<typeof listSecretsOutput>> {
  const { rows, ...page } = await listConfiguration(ctx.db, scope, 'Secret', input)
  return { ...page, items: rows.map((row) => ({ ...toSummary(row), type: row.type })) }
}

/** A Secret with its keys and their sizes, without its values. */
export async function getSecret(ctx: ServerContext, scope: Scope, { namespace, name }: z.output<typeof secretReference>): Promise<SecretView> {
  const row = await findConfiguration(ctx.db, scope, 'Secret', namespace, name)
  if (!row) throw notFound('Secret', name)
  const keys = Object.entries(sizes.parse(row.sizes)).map(([key, bytes]) => ({ key, bytes }))
  return { ...toSummary(row), type: row.type, sizes: keys, usedBy: await listPodsUsing(ctx.db, scope, 'Secret', namespace, name) }
}

/** The values of a Secret, for who may see them. The audit names who looked before they leave. */
export function revealSecret(ctx: ServerContext, scope: Scope, { namespace, name }: z.output<typeof secretReference>): Promise<z.output<typeof revealedSecret>> {
  return inTransaction(ctx.db, async (tx) => {
    const row = await findSecretObject(tx, scope, namespace, name)
    if (!row) throw notFound('Secret', name)
    await recordAudit(tx, scope, { action: 'secret.reveal', kind: 'Secret', namespace, name })
    return { type: row.type, data: await openValues(tx, ctx, scope, row) }
  })
}
