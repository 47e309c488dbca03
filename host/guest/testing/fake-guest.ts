import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeFrame, FrameType, headerBytes, type FrameHeader } from '@/contracts/guest/v1/frame'
import { FrameDecoder } from '@/contracts/guest/v1/frame-decoder'
import type { Hello } from '@/contracts/guest/v1/messages'
import { Request, type Method } from '@/contracts/guest/v1/requests'

export const emptyHello: Hello = { kind: 'hello', version: 1, bootId: 'boot', instance: null, kernel: '6.12', images: [], containers: [] }

/** A guest for tests that speaks the real protocol, or breaks it as told. */
export class FakeGuest {
  socket: Socket | undefined
  /** Said at once after an attach; by default the nonce and an empty hello. */
  greeting: (nonce: Uint8Array) => Uint8Array = (nonce) => Buffer.concat([nonce, control(emptyHello)])
  /** Answers to requests; without one there is no answer. */
  answers: Partial<Record<Method, (params: unknown) => object>> = {}
  readonly frames: { header: FrameHeader; payload: Buffer }[] = []
  private wake: () => void = () => {}

  private constructor(
    readonly path: string,
    private readonly folder: string,
    private readonly server: Server,
  ) {}

  static async listen(): Promise<FakeGuest> {
    const folder = await mkdtemp(join(tmpdir(), 'hypernetes-fake-guest-'))
    const path = join(folder, 'sock')
    const server = createServer((socket) => guest.accept(socket))
    const guest = new FakeGuest(path, folder, server)
    await new Promise<void>((resolve) => server.listen(path, resolve))
    return guest
  }

  async close(): Promise<void> {
    this.socket?.destroy()
    await new Promise((resolve) => this.server.close(resolve))
    await rm(this.folder, { recursive: true, force: true })
  }

  send(...parts: Uint8Array[]): void {
    this.socket?.write(Buffer.concat(parts))
  }

  /** Resolves once a condition on the frames seen holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.wake = resolve))
  }

  private accept(socket: Socket): void {
    this.socket = socket
    socket.on('error', () => {})
    const decoder = new FrameDecoder((header, payload) => this.take(header, Buffer.from(payload)))
    socket.on('data', (chunk) => decoder.push(chunk))
  }

  private take(header: FrameHeader, payload: Buffer): void {
    this.frames.push({ header, payload })
    if (header.type === FrameType.attach) this.send(this.greeting(payload))
    if (header.type === FrameType.control) this.answer(Request.parse(JSON.parse(payload.toString())))
    this.wake()
  }

  private answer({ id, method, params }: { id: number; method: Method; params?: unknown }): void {
    const answer = this.answers[method]
    if (answer) this.send(control({ kind: 'response', id, ...answer(params) }))
  }
}

/** A control frame of a message. */
export function control(message: object): Uint8Array {
  return encodeFrame(FrameType.control, 0, 0, Buffer.from(JSON.stringify(message)))
}

/** A header alone, with a length it may not keep. */
export function bareHeader(type: number, channel: number, stream: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(headerBytes)
  bytes.writeUInt8(type, 0)
  bytes.writeUInt8(channel, 1)
  bytes.writeUInt32BE(stream, 4)
  bytes.writeUInt32BE(length, 8)
  return bytes
}
