import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Listens on every device of a namespace, before any rule, and prints what it sees. Node has no raw sockets; perl-base is on every Debian. */
const script = String.raw`
use strict; use warnings; $| = 1;
socket(my $socket, 17, 3, unpack('S', pack('n', 3))) or die "packet socket: $!\n";
setsockopt($socket, 1, 33, pack('i', 1 << 23)) or die "receive buffer: $!\n"; # SO_RCVBUFFORCE
print "ready\n";
while (my $from = recv($socket, my $frame, 70000, 0)) {
  my (undef, undef, $index, undef, $type) = unpack('S n l S C C', $from);
  print "$index $type ", unpack('H*', $frame), "\n";
}
`

/** A frame on a device of the namespace: `sent` by the namespace to who is behind it, or come from there. */
export type Seen = { device: number; sent: boolean; frame: Buffer }

/** Sees all frames of a network namespace, as tcpdump does. */
export class Sniffer {
  readonly seen: Seen[] = []
  private wake: () => void = () => {}
  private over: string | undefined

  private constructor(private readonly child: ChildProcess) {}

  static async start(namespace: string): Promise<Sniffer> {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, 'perl', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const sniffer = new Sniffer(child)
    const ended = (how: string) => {
      sniffer.over ??= how
      sniffer.wake()
    }
    child.once('error', (error) => ended(error.message))
    child.once('exit', (code, signal) => ended(`it ended with ${signal ?? `code ${code}`}`))
    let ready = false
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') ready = true
      else sniffer.take(line)
      sniffer.wake()
    })
    await sniffer.until(() => ready)
    return sniffer
  }

  /** Resolves once a condition on what was seen holds. Rejects where it does not in time, or nobody listens any more. */
  async until(holds: () => boolean, timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!holds()) {
      if (this.over !== undefined) throw new Error(`nobody listens: ${this.over}`)
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`not seen in ${timeoutMs / 1000} s, among ${this.seen.length} frames`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** What was seen with these bytes in it. */
  with(bytes: Buffer): Seen[] {
    return this.seen.filter(({ frame }) => frame.includes(bytes))
  }

  stop(): void {
    this.child.kill('SIGKILL')
  }

  private take(line: string): void {
    const [device, type, hex = ''] = line.split(' ')
    this.seen.push({ device: Number(device), sent: type === '4', frame: Buffer.from(hex, 'hex') })
  }
}
