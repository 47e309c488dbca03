import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ContainerInput, GuestExec } from '@/host/pods/ports'
import { serveAttach, type AttachRequest } from './attach-stream'
import { servedStreams } from './testing/served-streams'
import { until } from './testing/until'

const podUid = randomUUID()
const opened = servedStreams()

describe('an attachment', () => {
  const request: AttachRequest = { kind: 'attach', podUid, container: null, stdin: true, columns: 80, rows: 24 }
  class Input implements ContainerInput {
    readonly taken: string[] = []
    readonly sizes: string[] = []
    async write(bytes: Uint8Array): Promise<void> {
      this.taken.push(Buffer.from(bytes).toString())
    }
    end(): void {
      this.taken.push('end')
    }
    async resize(columns: number, rows: number): Promise<void> {
      this.sizes.push(`${columns}x${rows}`)
    }
  }
  async function attach(input: Input | null, ask: Partial<AttachRequest> = {}) {
    let onOutput: GuestExec['onOutput'] | undefined
    let exit: (end: { exitCode: number | null; signal: number | null }) => void = () => {}
    const exited = new Promise<{ exitCode: number | null; signal: number | null }>((resolve) => (exit = resolve))
    let detached = 0
    const stream = await opened((to) =>
      serveAttach(to, { ...request, ...ask }, async (_uid, _container, output) => {
        onOutput = output
        return { input, tty: true, exited, detach: () => void (detached += 1) }
      }),
    )
    await until(() => onOutput !== undefined)
    return { ...stream, onOutput: onOutput!, exit, detached: () => detached }
  }

  it('carries input, sizes, output and the end of the container', async () => {
    const input = new Input()
    const { browser, onOutput, exit, served } = await attach(input)
    browser.send(0, 'hello\n')
    browser.send(4, '{"columns":100,"rows":30}')
    await onOutput('stdout', Buffer.from('> hello\n'))
    await until(() => input.sizes.length === 2)
    expect([input.taken, input.sizes]).toEqual([['hello\n'], ['80x24', '100x30']])
    exit({ exitCode: 3, signal: null })
    await served
    await browser.closed
    expect([browser.text(1), browser.result]).toEqual(['> hello\n', { exitCode: 3, error: null }])
  })

  it('only lets go when the browser leaves, and gives no input where none was asked for', async () => {
    const input = new Input()
    const { browser, served, detached } = await attach(input, { stdin: false })
    browser.send(0, 'not for you')
    browser.send(4, '{"columns":90,"rows":30}')
    await until(() => input.sizes.includes('90x30'))
    expect(input.taken).toEqual([])
    browser.socket.terminate()
    await served
    expect(detached()).toBe(1)
  })

  it('gives up input that the container does not take when the browser leaves', async () => {
    const signals: (AbortSignal | undefined)[] = []
    class Full extends Input {
      override write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
        signals.push(signal)
        return super.write(bytes).then(() => new Promise(() => {}))
      }
    }
    const input = new Full()
    const { browser, served } = await attach(input)
    browser.send(0, 'one')
    browser.send(0, 'two')
    await until(() => input.taken.length > 0)
    browser.socket.terminate()
    await served
    expect(input.taken).toEqual(['one'])
    expect(signals[0]?.aborted).toBe(true)
  })

  it('never holds the container for a slow browser, and marks what it left out', async () => {
    const { browser, onOutput, exit, served } = await attach(null)
    browser.socket.pause()
    const piece = Buffer.alloc(64 << 10, 'x')
    for (let i = 0; i < 512; i += 1) await onOutput('stdout', piece)
    browser.socket.resume()
    await until(() => browser.bytes(1) >= 512 << 10)
    await until(() => {
      void onOutput('stdout', Buffer.from('end'))
      return browser.text(1).endsWith('end')
    })
    expect(browser.text(2)).toMatch(/\[\d+ bytes were left out: this reader is too slow\]/)
    exit({ exitCode: null, signal: 9 })
    await served
    await browser.closed
    expect(browser.result).toEqual({ exitCode: null, error: 'The container was ended by signal 9.' })
  })
})
