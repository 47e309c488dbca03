import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { FairShare } from '@/host/fair-share'
import { Wake } from '@/host/pods/wake'
import { listLogFiles, logFilePath, type LogFile } from './log-files'
import { encodeRecords, LineSplitter, linesApart, milliTime, nanoTimeOf, type LogRecord, type LogStream } from './record'

/** Kubernetes' defaults would be 10 MiB and 5 files. */
export const defaultLimits: LogLimits = { fileBytes: 10 << 20, files: 3 }
export type LogLimits = { fileBytes: number; files: number }

/** So many lines are written without giving others their turn: a thousand take about a millisecond. */
const linesAtOnce = 1000

/**
 * Writes the log of one container. Two instances are kept, each in at most `files` files of `fileBytes`. Writes follow each
 * other; the caller waits for them, so that nothing piles up in memory, and longer where the container's lines take more
 * of the agent's thread than is fair (32 KiB of empty lines take as much as 2 MiB of long ones). A full disk loses output,
 * never the container.
 */
export class ContainerLog {
  private at: LogFile | null = null
  private file: FileHandle | null = null
  private size = 0
  private queue: Promise<void> = Promise.resolve()
  private splitters = newSplitters()
  private lastMs = 0
  private lastTime = milliTime(0)
  private ticks = 0
  private droppedBytes = 0
  private readonly followers = new Set<Wake>()
  private readonly share = new FairShare()
  /** True when no instance writes here any more: followers end. */
  isFinished = false
  /** Its folder is gone: what still comes of its last instance is nobody's. */
  private isGone = false

  constructor(
    readonly folder: string,
    private readonly now: () => number,
    private readonly limits: LogLimits = defaultLimits,
  ) {}

  /** A new instance of the container writes from now on; the one before the last is removed. */
  begin(): Promise<void> {
    return this.inTurn(async () => {
      const { instance } = await this.place()
      const isEmpty = (await listLogFiles(this.folder)).length === 0
      await this.close()
      this.at = { instance: isEmpty ? instance : instance + 1, sequence: 0 }
      const { at } = this
      // On a disk that cannot be written to the container starts all the same: its output opens the file, or is lost.
      await this.openFile().catch(() => {})
      for (const old of await listLogFiles(this.folder)) if (old.instance < at.instance - 1) await rm(logFilePath(this.folder, old), { force: true }).catch(() => {})
    })
  }

  /** Resolves when the bytes are with the kernel and more may come. */
  async write(stream: LogStream, bytes: Uint8Array): Promise<void> {
    let pauseMs = 0
    await this.inTurn(async () => {
      for (const piece of linesApart(bytes, linesAtOnce)) {
        const began = performance.now()
        const written = this.append(this.splitters[stream].push(piece, this.time))
        pauseMs = this.share.spent(performance.now() - began)
        await written
      }
    })
    if (pauseMs > 0) await delay(pauseMs)
  }

  /** Marks that the guest had to drop output while nobody took it. */
  lost(stream: LogStream, bytes: number): Promise<void> {
    return this.inTurn(() => this.append([...this.splitters[stream].end(this.time), this.mark(stream, bytes)]))
  }

  /** Wakes a follower whenever there is more to read, or the log is finished. Returns how to end that. */
  follow(wake: Wake): () => void {
    this.followers.add(wake)
    return () => this.followers.delete(wake)
  }

  /** Writes unfinished lines out, as when an instance has ended. */
  flush(): Promise<void> {
    return this.inTurn(async () => {
      await this.append([...this.splitters.stdout.end(this.time), ...this.splitters.stderr.end(this.time)])
      this.splitters = newSplitters()
    })
  }

  /** No instance writes here any more: writes unfinished lines out and closes the file. */
  finish(): Promise<void> {
    return this.inTurn(async () => {
      await this.close()
      this.isFinished = true
      this.wakeFollowers()
    })
  }

  /** Nothing is written any more, and nothing is open. */
  async leave(): Promise<void> {
    await this.finish()
    this.isGone = true
  }

  private readonly time = (): string => {
    const ms = Math.max(this.now(), this.lastMs)
    this.ticks = ms === this.lastMs ? this.ticks + 1 : 0
    if (ms !== this.lastMs) this.lastTime = milliTime(ms)
    this.lastMs = ms
    return nanoTimeOf(this.lastTime, this.ticks)
  }

  private mark(stream: LogStream, bytes: number): LogRecord {
    return { time: this.time(), stream, whole: true, text: Buffer.from(`[hypernetes: ${bytes} bytes of output were lost here]`) }
  }

  /** The newest file there is: another run of this program may have written before. */
  private async place(): Promise<LogFile> {
    this.at ??= (await listLogFiles(this.folder)).at(-1) ?? { instance: 1, sequence: 0 }
    return this.at
  }

  private async append(records: LogRecord[]): Promise<void> {
    if (records.length === 0 || this.isGone) return
    const all = this.droppedBytes > 0 ? [this.mark('stderr', this.droppedBytes), ...records] : records
    const bytes = encodeRecords(all)
    try {
      if (this.file && this.size + bytes.length > this.limits.fileBytes) await this.rotate()
      const file = this.file ?? (await this.openFile())
      await file.appendFile(bytes)
      this.size += bytes.length
      this.droppedBytes = 0
    } catch {
      this.droppedBytes += bytes.length
      await this.shut()
    }
    // What an instance said last may come after its end: nobody closes the file again.
    if (this.isFinished) await this.shut()
    this.wakeFollowers()
  }

  private async openFile(): Promise<FileHandle> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    const file = await open(logFilePath(this.folder, await this.place()), 'a+', 0o600)
    this.file = file
    this.size = (await file.stat()).size
    // A crash may have cut the last line off: the next one begins on a line of its own.
    if (this.size > 0 && (await file.read(Buffer.alloc(1), 0, 1, this.size - 1)).buffer[0] !== 0x0a) await file.appendFile('\n')
    return file
  }

  private async rotate(): Promise<void> {
    const { instance, sequence } = await this.place()
    await this.file?.close()
    this.file = null
    this.at = { instance, sequence: sequence + 1 }
    await rm(logFilePath(this.folder, { instance, sequence: sequence + 1 - this.limits.files }), { force: true })
  }

  private async close(): Promise<void> {
    await this.append([...this.splitters.stdout.end(this.time), ...this.splitters.stderr.end(this.time)])
    this.splitters = newSplitters()
    await this.file?.close()
    this.file = null
  }

  private async shut(): Promise<void> {
    await this.file?.close().catch(() => {})
    this.file = null
  }

  private wakeFollowers(): void {
    for (const wake of this.followers) wake.wake()
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(work)
    this.queue = turn.catch(() => {})
    return turn
  }
}

const newSplitters = () => ({ stdout: new LineSplitter('stdout'), stderr: new LineSplitter('stderr') })
