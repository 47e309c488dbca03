/** The parts of QuickJS's own modules (2025-04-26) that the agent uses. The bundler maps qjs:x to x. */
declare module 'qjs:os' {
  export const O_RDONLY: number
  export const O_WRONLY: number
  export const O_RDWR: number
  export const O_CREAT: number
  export const O_TRUNC: number
  export const SIGCHLD: number
  export const WNOHANG: number
  export const S_IFMT: number
  export const S_IFREG: number
  export const S_IFDIR: number
  export const S_IFCHR: number
  export const S_IFBLK: number

  /** A negative return value is -errno, here and below. */
  export function open(path: string, flags: number, mode?: number): number
  export function close(fd: number): number
  export function read(fd: number, buffer: ArrayBuffer, offset: number, length: number): number
  export function write(fd: number, buffer: ArrayBuffer, offset: number, length: number): number
  export function pipe(): [readEnd: number, writeEnd: number] | null
  export function setReadHandler(fd: number, handler: (() => void) | null): void
  export function setWriteHandler(fd: number, handler: (() => void) | null): void
  export function setTimeout(handler: () => void, milliseconds: number): object
  export function clearTimeout(timer: object): void
  export function signal(number: number, handler: (() => void) | null | undefined): void
  export function kill(pid: number, signal: number): number
  export function waitpid(pid: number, options: number): [pid: number, status: number]
  export function exec(
    args: string[],
    options: { block?: boolean; file?: string; stdin?: number; stdout?: number; stderr?: number; env?: Record<string, string>; cwd?: string },
  ): number
  export function mkdir(path: string, mode?: number): number
  export function remove(path: string): number
  export function readdir(path: string): [names: string[], error: number]
  export function readlink(path: string): [target: string, error: number]
  export function realpath(path: string): [path: string, error: number]
  export function symlink(target: string, path: string): number
  export function rename(from: string, to: string): number
  export function seek(fd: number, offset: number, whence: number): number
  export interface Status {
    mode: number
    gid: number
    size: number
    /** Of the file system's device, packed as rdev. */
    dev: number
    /** Of a device: major and minor number, as the kernel packs them. */
    rdev: number
    /** Milliseconds since 1970. */
    mtime: number
  }
  export function stat(path: string): [status: Status | null, error: number]
  export function lstat(path: string): [status: Status | null, error: number]
}

declare module 'qjs:std' {
  export function exit(code: number): never
  export function strerror(errno: number): string
  export const SEEK_SET: number
  export const SEEK_END: number
  /** A C stream; null where it cannot be opened. */
  export function open(path: string, flags: string): { puts(text: string): void; close(): number } | null
  export const err: { puts(text: string): void; flush(): void }
}
