import type { ProbeResult } from '@/contracts/guest/v1/answers'
import type { ProbeParams } from '@/contracts/guest/v1/requests'
import { GuestError } from '@/guest/errors'
import { runScript } from '@/guest/processes'

/** One VM's at a time: each is a process or three. */
const maxAtOnce = 8
const maxDetail = 512
let running = 0

/**
 * The guest's own busybox tries it, from the network that the pod's containers are in. TCP: what runs once it is connected ends at once. UDP: there
 * is one program that sends a datagram and says what comes back, a question to a nameserver; it would wait on after a refusal.
 */
const scripts: Readonly<Record<ProbeParams['protocol'], string>> = {
  tcp: 'exec nc -w "$3" "$1" "$2" -e sh -c exit',
  icmp: 'exec ping -c 1 -W "$3" -w "$3" "$1"',
  udp: `(nslookup "-port=$2" -retry=1 "-timeout=$3" -type=a probe.invalid. "$1" 2>&1 & echo "pid $!") | while read -r line; do
case "$line" in "pid "*) pid=\${line#pid } ;; *refused*) echo "$line"; kill "$pid" ;; *) echo "$line" ;; esac; done`,
}

const texts: readonly [RegExp, ProbeResult['outcome']][] = [
  [/connection refused/i, 'refused'],
  [/unreachable|no route to host/i, 'unreachable'],
  [/timed out|100% packet loss|no servers could be reached/i, 'silent'],
]

/** busybox has no codes for it, so its text decides. A reply that is no answer of a nameserver is one all the same. */
function outcomeOf(protocol: string, exitCode: number, output: string): ProbeResult['outcome'] {
  if (protocol === 'udp' ? /^Server:/m.test(output) : exitCode === 0) return 'open'
  return texts.find(([text]) => text.test(output))?.[1] ?? 'failed'
}

/** Tries once to reach an address from this VM. Throws Unavailable where too many try already. */
export async function probe({ address, port, protocol, timeoutSeconds }: ProbeParams): Promise<ProbeResult> {
  if (protocol !== 'icmp' && port === null) throw new GuestError('InvalidRequest', 'a port is needed', protocol)
  if (running >= maxAtOnce) throw new GuestError('Unavailable', `the pod's machine tries ${maxAtOnce} connections already, which is the limit: wait for one of them`, 'probe')
  running += 1
  const began = Date.now()
  try {
    const { exitCode, output } = await runScript(scripts[protocol], [address, String(port ?? ''), String(timeoutSeconds)])
    const outcome = outcomeOf(protocol, exitCode, output)
    const words = output.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith(';;')).at(-1) ?? ''
    return { outcome, milliseconds: Math.max(0, Math.min(60_000, Date.now() - began)), detail: outcome === 'open' ? '' : words.slice(0, maxDetail) }
  } finally {
    running -= 1
  }
}
