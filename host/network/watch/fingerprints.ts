import { createHash } from 'node:crypto'
import type { Run } from '../kernel'
import { systemCalls } from '@/host/hypervisor/system-call-numbers'
import { fingerprintScript } from './fingerprint-script'

/** What tells whether a namespace was changed: how many transactions its packet filter has seen, and a digest of what `ip` made there. */
export type Fingerprint = { generation: number; digest: string }

/**
 * Fingerprints of these namespaces (null: the one this process runs in), in one process; a name that leads to none has no entry. Throws ExecError.
 */
export async function fingerprints(run: Run, names: readonly (string | null)[]): Promise<Map<string | null, Fingerprint>> {
  const own = names.includes(null)
  const input = [...(own ? [''] : []), ...names.filter((name) => name !== null)].map((name) => `${name}\n`).join('')
  const { stdout } = await run('perl', ['-e', fingerprintScript, String(systemCalls.setns)], { input, maxOutput: 256 << 20 })
  return new Map(stdout.split('\n').flatMap((line) => {
    const [name = '', generation, ...records] = line.split(' ')
    return generation === undefined ? [] : [[name === '' ? null : name, { generation: Number(generation), digest: createHash('sha256').update(records.join(' ')).digest('hex') }] as const]
  }))
}
