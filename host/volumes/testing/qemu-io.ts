import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Image } from '../store'

/** An image that a QEMU has open: its locks are held until it is closed. */
export type OpenImage = { write: (pattern: number, offset: number, bytes: number) => Promise<void>; read: (pattern: number, offset: number, bytes: number) => Promise<void>; discard: (offset: number, bytes: number) => Promise<void>; size: () => Promise<number>; resize: (bytes: number) => Promise<void>; close: () => Promise<void> }

/** The layers as one node of QEMU: what lies over what is said here, and never in a header. */
export function layersNode(image: Image): { node: string; readOnly: boolean } {
  if (image.kind !== 'layers') throw new Error('this image has no layers')
  type Node = { driver: 'qcow2'; file: { driver: 'file'; filename: string; locking: 'on' }; backing: Node | null }
  const chain = image.layers.reduceRight<Node | null>((backing, { path }) => ({ driver: 'qcow2', file: { driver: 'file', filename: path, locking: 'on' }, backing }), null)
  return { node: `json:${JSON.stringify({ ...chain, discard: 'unmap' })}`, readOnly: image.layers[0]?.readOnly ?? true }
}

const prompt = 'qemu-io> '

/** Opens an image with qemu-io, whose arguments name it, and talks to it. Rejects with what it says where it cannot open it; `read` rejects for other bytes. */
export async function openWithQemuIo(args: readonly string[], command: readonly string[] = ['qemu-io']): Promise<OpenImage> {
  const [program = '', ...before] = command
  const child = spawn(program, [...before, ...args], { stdio: 'pipe' })
  let text = ''
  const woken = new Set<() => void>()
  const wake = (): void => woken.forEach((one) => one())
  const take = (chunk: Buffer): void => {
    text += chunk.toString()
    wake()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  child.stdin.on('error', () => {})
  let ended = false
  child.once('close', () => {
    ended = true
    wake()
  })
  const answer = async (): Promise<string> => {
    while (!text.endsWith(prompt) && !ended) {
      await new Promise<void>((resolve) => {
        const one = (): void => {
          woken.delete(one)
          resolve()
        }
        woken.add(one)
      })
    }
    const said = text
    text = ''
    if (ended) throw new Error(`qemu-io ended: ${said}`)
    return said
  }
  const say = async (line: string): Promise<string> => {
    child.stdin.write(`${line}\n`)
    const said = await answer()
    if (/failed|error|No space|Operation not permitted|Read-only/i.test(said)) throw new Error(`${line}: ${said}`)
    return said
  }
  await answer()
  return {
    write: async (pattern, offset, bytes) => void (await say(`write -P ${pattern} ${offset} ${bytes}`), await say('flush')),
    read: async (pattern, offset, bytes) => void (await say(`read -P ${pattern} ${offset} ${bytes}`)),
    discard: async (offset, bytes) => void (await say(`discard ${offset} ${bytes}`)),
    resize: async (bytes) => void (await say(`truncate ${bytes}`)),
    size: async () => sizeIn(await say('length')),
    close: async () => {
      if (ended) return
      child.stdin.end('quit\n')
      await once(child, 'close')
    },
  }
}

const units = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

function sizeIn(said: string): number {
  const [, number = '', unit] = /([\d.]+) (bytes|KiB|MiB|GiB)/.exec(said) ?? []
  return Number(number) * (unit === 'bytes' || unit === 'KiB' || unit === 'MiB' || unit === 'GiB' ? units[unit] : Number.NaN)
}
