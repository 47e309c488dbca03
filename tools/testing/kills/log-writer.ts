import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** The port on which a pod answers. */
export const answerPort = 9000
/** An answer that takes longer is none: nobody says that a machine was killed. */
const patienceMs = 5_000
/** From one record to the next. */
const betweenMs = 20

/** The command of a pod that does what lines say: `write FOLDER NUMBER` appends a record and flushes it, `begin FOLDER` makes the log of a volume that is mounted there, `read FOLDER` tells all of it. */
export const answering = ['sh', '-c', `cat >/tmp/answer <<"END"
#!/bin/sh
while read -r word name number; do
  case $word in
    write) printf '\\n%s\\n' $number 2>/dev/null >>$name/log/log && sync $name/log/log && echo "wrote $name $number" || echo "lost $name $number";;
    begin) grep -q " $name " /proc/mounts && mkdir -p $name/log && touch $name/log/log && echo "began $name" || echo "lost $name";;
    read) cat $name/log/log 2>/dev/null && echo "read $name" || echo "lost $name";;
  esac
done
END
chmod +x /tmp/answer; trap "exit 0" TERM; nc -ll -p ${answerPort} -e /tmp/answer & while :; do sleep 0.2; done`]

/** One connection to such a pod. */
class Connection {
  private constructor(
    private readonly socket: Socket,
    private readonly lines: AsyncIterator<string>,
  ) {}

  static async open(path: string): Promise<Connection> {
    const socket = connect(path).setTimeout(patienceMs, () => socket.destroy())
    socket.on('error', () => {})
    const lines = createInterface(socket)
    // Of itself it ends with the other side's end alone.
    socket.once('close', () => lines.close())
    const said = lines[Symbol.asyncIterator]()
    await once(socket, 'connect')
    return new Connection(socket, said)
  }

  /** The lines of an answer, of which the last one says what became of it. Throws where the connection ends before that. */
  async ask(line: string): Promise<string[]> {
    this.socket.write(`${line}\n`)
    const said: string[] = []
    for (;;) {
      const { value, done } = await this.lines.next()
      if (done) throw new Error('the pod does not answer')
      said.push(value)
      if (/^(wrote|lost|began|read) /.test(value)) return said
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

/**
 * Has a pod write numbered records to its volumes, one after another, each with an fsync of its own, and keeps which of them came back as written: here, outside of all that may die. A lost connection is made
 * again, and what was under way on it counts for nothing.
 */
export class LogWriter {
  private readonly acknowledged: ReadonlyMap<string, number[]>
  private readonly ending = new AbortController()
  private readonly writing: Promise<void>
  private next = 1
  interruptions = 0

  /** `door`: a socket that leads to the pod of now. The folders are those of volumes whose logs were begun. */
  constructor(
    private readonly door: string,
    private readonly folders: readonly string[],
  ) {
    this.acknowledged = new Map(folders.map((folder) => [folder, []]))
    this.writing = this.write()
  }

  of(folder: string): readonly number[] {
    return this.acknowledged.get(folder) ?? []
  }

  get all(): number {
    return [...this.acknowledged.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** Resolves once nothing is under way. */
  async stop(): Promise<void> {
    this.ending.abort()
    await this.writing
  }

  private async write(): Promise<void> {
    const { signal } = this.ending
    while (!signal.aborted) {
      const pod = await Connection.open(this.door).catch(() => null)
      try {
        while (pod && !signal.aborted) await Promise.all([this.round(pod), pause(betweenMs)])
      } catch {
        // Whether its last record is there nobody knows.
      } finally {
        pod?.close()
      }
      if (signal.aborted) return
      this.interruptions += 1
      await pause(100, undefined, { signal }).catch(() => {})
    }
  }

  private async round(pod: Connection): Promise<void> {
    const number = this.next++
    for (const folder of this.folders) {
      const said = await pod.ask(`write ${folder} ${number}`)
      if (said.at(-1) === `wrote ${folder} ${number}`) this.acknowledged.get(folder)?.push(number)
    }
  }
}

/** Says one line to a pod. Throws where nobody answers. */
export async function askPod(door: string, line: string): Promise<string[]> {
  const pod = await Connection.open(door)
  try {
    return await pod.ask(line)
  } finally {
    pod.close()
  }
}

/** The records of a log. Throws where nobody answers, or has the volume: one that came while a pod ran comes again after its containers have started. */
export async function readLog(door: string, folder: string): Promise<Set<number>> {
  const said = await askPod(door, `read ${folder}`)
  if (said.pop() !== `read ${folder}`) throw new Error(`nothing is mounted at ${folder}`)
  return new Set(said.map(Number))
}
