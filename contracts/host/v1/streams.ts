import { z } from 'zod'
import { reportText } from '@/domain/shared/report-text'
import { ip, portNumber } from './fields'

/**
 * A stream that the host shall dial: `url` is a path on the server with a one-time ticket in it. Frames are binary, the
 * first byte is Kubernetes' channel: 0 input, 1 output, 2 error, 3 result (JSON {@link streamResult}, then close), 4 resize
 * (JSON {columns, rows}). Channel 0 with no bytes closes the input.
 */
export const streamRequest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exec'), podUid: z.uuid(), container: z.string().max(63).nullable(), command: z.array(z.string().max(128 << 10)).min(1).max(1024), tty: z.boolean(), stdin: z.boolean(), columns: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000), timeoutSeconds: z.number().int().min(1).max(86_400).nullable() }),
  /** Lines as `RFC3339 text\n` on channel 1 (stdout) and 2 (stderr). */
  z.object({ kind: z.literal('logs'), podUid: z.uuid(), container: z.string().max(63).nullable(), follow: z.boolean(), tailLines: z.number().int().min(0).max(100_000).nullable(), previous: z.boolean(), sinceTime: z.string().max(40).nullable() }),
  /** The container's own process: its output from now on, and its input where its spec has `stdin`. */
  z.object({ kind: z.literal('attach'), podUid: z.uuid(), container: z.string().max(63).nullable(), stdin: z.boolean(), columns: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000) }),
  /** One TCP connection to a port of the pod: bytes on channel 0 to it and on channel 1 from it; a frame without bytes ends that half. */
  z.object({ kind: z.literal('portForward'), podUid: z.uuid(), port: z.number().int().min(1).max(65535) }),
  /** A tar stream (POSIX ustar with pax headers): out of a path on channel 1, or into a folder from channel 0, which ends without bytes. */
  z.object({ kind: z.literal('copy'), podUid: z.uuid(), container: z.string().max(63).nullable(), direction: z.enum(['out', 'in']), path: z.string().min(1).max(4096) }),
  /** What is in a folder: each of its entries as a line of JSON (domain/pod/folder-entry.ts) on channel 1, at most 10,000. The result's exit code is 0, or 1 where there are more. */
  z.object({ kind: z.literal('listFolder'), podUid: z.uuid(), container: z.string().max(63).nullable(), path: z.string().min(1).max(4096) }),
  /** Tries to connect from the pod's own network, once, within `timeoutSeconds`: the result's JSON ({@link probeResult}) comes on channel 1. */
  z.object({ kind: z.literal('probe'), podUid: z.uuid(), address: ip, port: portNumber.nullable(), protocol: z.enum(['tcp', 'udp', 'icmp']), timeoutSeconds: z.number().int().min(1).max(10) }),
])
export type StreamRequest = z.infer<typeof streamRequest>
/** `open`: a connection was made or an answer came; `refused`: the other side said no; `silent`: nothing came back in time. */
export const probeResult = z.object({ outcome: z.enum(['open', 'refused', 'unreachable', 'silent', 'failed']), milliseconds: z.number().min(0).max(60_000), detail: reportText(512) })
export type ProbeResult = z.infer<typeof probeResult>
export const streamChannel = { input: 0, output: 1, error: 2, result: 3, resize: 4 } as const
export const streamResult = z.object({ exitCode: z.number().int().nullable(), error: z.string().max(4096).nullable() })
export type StreamResult = z.infer<typeof streamResult>
export const resizeMessage = z.object({ columns: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000) })
