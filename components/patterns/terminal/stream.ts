/** Kubernetes' stream channels: the first byte of each binary frame. */
export const channel = { input: 0, output: 1, error: 2, result: 3, resize: 4 } as const

export type StreamEnd =
  /** The command ended. */
  | { kind: 'exited'; exitCode: number | null; message: string }
  /** The connection broke off. */
  | { kind: 'lost'; message: string }

const encoder = new TextEncoder()

function frame(to: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length + 1)
  out[0] = to
  out.set(bytes, 1)
  return out
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Reads channel 3: `{exitCode, error}`, or Kubernetes' Status with the code among its causes. */
export function readResult(text: string): { exitCode: number | null; message: string } {
  let value: unknown
  try { value = JSON.parse(text) } catch { return { exitCode: null, message: text } }
  if (!isRecord(value)) return { exitCode: null, message: '' }
  const message = [value['error'], value['message']].find((text) => typeof text === 'string') ?? ''
  if (typeof value['exitCode'] === 'number') return { exitCode: value['exitCode'], message }
  const causes = isRecord(value['details']) && Array.isArray(value['details']['causes']) ? value['details']['causes'].filter(isRecord) : []
  const code = causes.find((cause) => cause['reason'] === 'ExitCode')?.['message']
  return { exitCode: value['status'] === 'Success' ? 0 : code === undefined ? null : Number(code), message }
}

type Handlers = { onOpen: () => void; onOutput: (bytes: Uint8Array) => void; onEnd: (end: StreamEnd) => void }

/** Opens `/ws/stream/<ticket>`. The ticket serves once; a new one is needed to come back. */
export function openStream(ticket: string, { onOpen, onOutput, onEnd }: Handlers) {
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/stream/${encodeURIComponent(ticket)}`)
  socket.binaryType = 'arraybuffer'
  let ended = false
  const end = (how: StreamEnd) => {
    if (ended) return
    ended = true
    onEnd(how)
  }
  const send = (to: number, bytes: Uint8Array) => { if (socket.readyState === WebSocket.OPEN) socket.send(frame(to, bytes)) }
  socket.onopen = onOpen
  socket.onmessage = (event: MessageEvent<unknown>) => {
    if (!(event.data instanceof ArrayBuffer) || event.data.byteLength === 0) return
    const bytes = new Uint8Array(event.data)
    const body = bytes.subarray(1)
    if (bytes[0] === channel.output || bytes[0] === channel.error) onOutput(body)
    else if (bytes[0] === channel.result) end({ kind: 'exited', ...readResult(new TextDecoder().decode(body)) })
  }
  socket.onclose = (event) => end({ kind: 'lost', message: event.reason || (event.code === 1006 ? 'The connection broke off.' : 'The server closed the connection.') })
  return {
    input: (text: string) => send(channel.input, encoder.encode(text)),
    inputBytes: (binary: string) => send(channel.input, Uint8Array.from(binary, (c) => c.charCodeAt(0))),
    resize: (columns: number, rows: number) => send(channel.resize, encoder.encode(JSON.stringify({ columns, rows }))),
    close: () => { ended = true; socket.close(1000) },
  }
}
