import * as z from 'zod/mini'
import { bytes, name, streamId, text, uint32 } from './fields'

/**
 * The JSON of control frames. The host asks with `{id, method, params}`, the guest answers with
 * `{kind: 'response', id, …}` and tells news with `{kind: 'event', …}`; the first thing on a
 * connection is its `{kind: 'hello', …}`. Additive changes only.
 */
export const protocolVersion = 1

const channelState = z.object({
  /** Bytes the host had credited, in the channel's whole life. */
  acknowledged: bytes,
  /** The first byte still kept. Above `acknowledged`, the difference was lost while no host was there. */
  start: bytes,
})

const exitState = z.object({
  exitCode: z.number().check(z.int(), z.gte(0), z.lte(255)),
  /** The number of the signal that ended it. */
  signal: z.nullable(z.number().check(z.int(), z.gte(1), z.lte(64))),
  oomKilled: z.boolean(),
  /** Milliseconds since 1970, by the guest's clock. */
  at: z.number(),
  /** What the container wrote to its termination log, at most 4096 bytes. */
  terminationMessage: z.optional(text(4096)),
})

export const Hello = z.object({
  kind: z.literal('hello'),
  version: z.literal(protocolVersion),
  /** Of the running agent: another one after a reboot and after setup of a clone. */
  bootId: text(64),
  /** Null until setup. */
  instance: z.nullable(name),
  kernel: text(128),
  images: z.array(name).check(z.maxLength(256)),
  containers: z
    .array(
      z.object({
        container: name,
        stream: streamId,
        exited: z.nullable(exitState),
        /** Whether it has a terminal, and so no stderr. The first agents did not say. */
        terminal: z._default(z.boolean(), false),
        stdout: channelState,
        stderr: channelState,
        /** How many bytes of input may still be sent before the next credit; null without input. */
        stdinFree: z.nullable(bytes),
      }),
    )
    .check(z.maxLength(256)),
})

export const errorCodes = [
  'InvalidRequest',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'DiskNotFound',
  'MountFailed',
  'NetworkFailed',
  'UserNotFound',
  'ExecutableNotFound',
  'NotExecutable',
  'BadWorkingDirectory',
  'RuntimeFailed',
  'ConnectionRefused',
  'Unavailable',
  'FilesystemDamaged',
  'FilesystemMismatch',
  'UnknownFilesystem',
  'Busy',
  'NoSpace',
] as const

export type GuestErrorCode = (typeof errorCodes)[number]

const ErrorBody = z.object({
  code: z.enum(errorCodes),
  message: text(4096),
  /** What it is about: a container, a disk's serial, a user, a path. */
  object: text(4096),
})

/** At most one of result and error. */
export const Response = z.object({ kind: z.literal('response'), id: uint32, result: z.optional(z.unknown()), error: z.optional(ErrorBody) })

export const ContainerExited = z.object({ kind: z.literal('event'), event: z.literal('containerExited'), container: name, ...exitState.shape })
export const ExecExited = z.object({
  kind: z.literal('event'),
  event: z.literal('execExited'),
  stream: streamId,
  exitCode: exitState.shape.exitCode,
  signal: exitState.shape.signal,
})
export const GuestMessage = z.union([Hello, Response, ContainerExited, ExecExited])

export type Hello = z.infer<typeof Hello>
export type ExitState = z.infer<typeof exitState>
export type ContainerExited = z.infer<typeof ContainerExited>
export type ExecExited = z.infer<typeof ExecExited>
export type GuestMessage = z.infer<typeof GuestMessage>
