import type { GuestShell } from '@/host/hypervisor/testing/shell-guest'
import { measureKind, type Kind } from './fio'
import { inTurn, timesOfBare, type Pair } from './in-turn'
import { describe } from './statistics'

/** A guest with a disk that is measured. */
export type Disk = { shell: GuestShell; serial: string }
export type Speed = Pair & { kind: Kind }

/** How long one kind is measured at a time. */
export const speedMilliseconds = 1000

/** What a disk of ours does in a second, against a bare one; both were filled. Each kind in turn, round by round. */
export async function measureSpeed(kinds: readonly Kind[], volume: Disk, bare: Disk, rounds: number, say: (line: string) => void): Promise<Speed[]> {
  const found: Speed[] = kinds.map((kind) => ({ kind, volume: [], bare: [] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, each] of found.entries()) await inTurn(round + at, each, () => measureKind(volume.shell, volume.serial, each.kind, speedMilliseconds), () => measureKind(bare.shell, bare.serial, each.kind, speedMilliseconds))
    say(`round ${round + 1} of ${rounds}: ${found.map((each) => `${Math.round(each.volume.at(-1) ?? 0)}/${Math.round(each.bare.at(-1) ?? 0)}`).join(', ')}`)
  }
  return found
}

/** How many times as much the bare one does, of that of these kinds of which it is most. */
export const worstOf = (found: readonly Speed[], kinds: readonly Kind[]): number => Math.max(...found.filter(({ kind }) => kinds.includes(kind)).map((each) => 1 / timesOfBare(each)))

/** `where`: beside each kind's name. */
export const speedRows = (found: readonly Speed[], where = ''): string => found.map((each) => `| ${each.kind.title}${where} (${each.kind.unit}) | ${describe(each.volume, 0)} | ${describe(each.bare, 0)} | ${timesOfBare(each).toFixed(2)} |`).join('\n')
