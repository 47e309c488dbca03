import type { GuestProcess } from '@/host/pods/ports'

/** A process of which a test says what it does. */
export class FakeProcess implements GuestProcess {
  readonly written: string[] = []
  readonly sizes: [number, number][] = []
  readonly signals: string[] = []
  inputEnded = false
  writeHold: Promise<void> = Promise.resolve()
  end: (exitCode: number) => void = () => {}
  fail: (error: Error) => void = () => {}
  readonly exited: Promise<{ exitCode: number; signal: null }> = new Promise((resolve, reject) => {
    this.end = (exitCode) => resolve({ exitCode, signal: null })
    this.fail = reject
  })
  async write(bytes: Uint8Array): Promise<void> {
    await this.writeHold
    this.written.push(Buffer.from(bytes).toString())
  }
  endInput(): void {
    this.inputEnded = true
  }
  async resize(columns: number, rows: number): Promise<void> {
    this.sizes.push([columns, rows])
  }
  async kill(signal: string): Promise<void> {
    this.signals.push(signal)
  }
}
