import { median } from '@/bench/statistics'
import { killable, type Fault } from './faults'
import type { Compared, SoakResult } from './soak'

/** The tables of what was counted before and after, in Markdown. */
export function countsTables({ whole, peace }: SoakResult): string {
  return [
    'The whole run:', table(whole),
    `The processes of the last stage, in which nothing was killed, from after ${peace.warmUp} pods over ${peace.pods} more. Live memory is heap and buffers after a collection:`, table(peace),
  ].join('\n\n')
}

function table({ before, after }: Compared): string {
  const rows = after.map(({ name, value, slack }) => `| ${name} | ${before.find((each) => each.name === name)?.value ?? '—'} | ${value} | ${slack === null ? 'grows' : slack === 0 ? 'the same' : `at most ${slack} more`} |`)
  return ['| | before | after | may be |', '|---|---|---|---|', ...rows].join('\n')
}

/** What happened, in sentences. */
export function story({ options, peace, compared, seconds, created, deleted, commands, retries, pauses, samples, most, written }: SoakResult): string {
  const kills = pauses.filter(({ fault }) => isKill(fault))
  const each = killable.map((name) => `${name} ${kills.filter(({ fault }) => fault === name).length}`).join(', ')
  const times = kills.map(({ ms }) => ms)
  const backAgain = times.length > 0 ? ` Another process was there after ${Math.round(median(times))} ms (median; at most ${Math.round(Math.max(...times))}).` : ''
  const tried = Object.entries(retries).map(([code, count]) => `${code} ${count}`).join(', ')
  return `${created} pods created (${deleted} deleted on the way, the last of each stage at its end) by ${options.lanes} clients in ${Math.round(seconds / 60)} minutes (seed ${options.seed}); but for the last ${peace.warmUp + peace.pods} while processes were
killed with SIGKILL ${kills.length} times at random moments (${each}; each while the stream had steps left), the host agent was stopped with SIGSTOP ${count(pauses, 'stopped host')} times and every connection
of PostgreSQL taken ${count(pauses, 'no connections')} times.${backAgain} Of ${commands.sent} commands that were sent ${commands.acknowledged} were acknowledged; each of those ran once, and none of the others
twice. Clients tried again after: ${tried || 'nothing'}. In ${samples} looks at the machine's processes no pod had two QEMUs (at most ${most} ran at once), and those
that ran throughout are the same processes with the same containers. The first ${compared} pods ended as in a run without faults.
Of a pod that wrote to a volume meanwhile, and whose QEMU was killed twice besides, ${written} records were acknowledged after their fsync: each of them is there.`
}

const isKill = (fault: Fault): boolean => killable.some((name) => name === fault)
const count = (pauses: SoakResult['pauses'], fault: Fault): number => pauses.filter((each) => each.fault === fault).length
