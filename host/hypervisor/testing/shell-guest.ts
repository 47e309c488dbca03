import { readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { agentPortName } from '@/contracts/guest/v1/machine'
import { packArchive } from '@/guest/image/cpio'
import type { GuestKernel } from '../machine'

const guestImage = join(import.meta.dirname, '../../../guest/image')

/** Where the agent would speak there is a shell: a line is a command, `@@` and its exit code follow what it printed. */
const loop = `
for port in /sys/class/virtio-ports/*; do if grep -qx ${agentPortName} $port/name; then PORT=/dev/\${port##*/}; fi; done
disk() { for each in /sys/block/*; do [ "$(cat $each/serial 2>/dev/null)" = "$1" ] && echo /dev/\${each##*/}; done; }
await() { while [ -z "$(disk $1)" ]; do sleep 0.05; done; disk $1; }
exec 3<>$PORT
while :; do while IFS= read -r line <&3; do eval "$line" >&3 2>&1; echo "@@$?" >&3; done; sleep 0.1; done
`

/** The house's guest with a shell in its agent's place: for tests of what is around the guest, on bare disks. */
export async function shellGuest(guest: GuestKernel, folder: string): Promise<GuestKernel> {
  const init = (await readFile(join(guestImage, 'init.sh'), 'utf8')).replace(/^exec \/bin\/qjs.*$/m, 'exec /bin/sh /loop')
  const file = (path: string, content: string) => ({ kind: 'file' as const, path, mode: 0o755, content: Buffer.from(content) })
  const initramfs = join(folder, 'shell-initramfs')
  // The kernel unpacks one archive after another: of a file the last one counts.
  await writeFile(initramfs, Buffer.concat([await readFile(guest.initramfs), packArchive([file('init', init), file('loop', loop)])]), { mode: 0o644 })
  return { ...guest, initramfs, version: 'shell' }
}

/** Resolves once the shell answers: in the place of the agent's hello. */
export async function shellAnswers(socketPath: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const shell = await GuestShell.connect(socketPath).catch(() => null)
    const isThere = await shell?.run('true', 5000).then(() => true, () => false)
    shell?.close()
    if (isThere) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  signal.throwIfAborted()
}

/** Speaks with the shell of {@link shellGuest}: one command after another. */
export class GuestShell {
  private text = ''
  private wake: () => void = () => {}

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('utf8')
      this.wake()
    })
  }

  static async connect(path: string): Promise<GuestShell> {
    const socket = connect(path)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new GuestShell(socket)
  }

  /** What a line of shell printed and how it ended. Throws when it does not end within `timeoutMs`. */
  async run(line: string, timeoutMs = 120_000): Promise<{ out: string; code: number }> {
    this.text = ''
    this.socket.write(`${line}\n`)
    const deadline = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const end = /^@@(\d+)\n/m.exec(this.text)
      if (end) return { out: this.text.slice(0, end.index).trim(), code: Number(end[1]) }
      if (deadline.aborted) throw new Error(`"${line}" did not end within ${timeoutMs} ms: ${this.text.slice(-500)}`)
      await new Promise<void>((resolve) => {
        this.wake = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  /** What a line printed. Throws when it ends with another code than 0. */
  async out(line: string, timeoutMs?: number): Promise<string> {
    const { out, code } = await this.run(line, timeoutMs)
    if (code !== 0) throw new Error(`"${line}" ended with ${code}: ${out}`)
    return out
  }

  /** Begins a line that prints without end. Each line of it is handed on as it comes, until the VM ends: resolves then. */
  stream(line: string, onLine: (line: string) => void): Promise<void> {
    let rest = ''
    this.socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(onLine)
    })
    const ended = new Promise<void>((resolve) => void this.socket.once('close', () => resolve()))
    this.socket.write(`${line}\n`)
    return ended
  }

  close(): void {
    this.socket.destroy()
  }
}
