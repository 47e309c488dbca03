import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keepTemplates } from './lent-templates'

const cache = join(import.meta.dirname, '../../../node_modules/.cache/hypernetes-templates')
let made: string[]
beforeEach(async () => {
  await mkdir(cache, { recursive: true })
  made = await Promise.all([mkdtemp(join(cache, '.draft-')), mkdtemp(join(cache, '.draft-')), mkdtemp(join(tmpdir(), 'host-'))])
})
afterEach(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))))

it('what a killed run had begun to keep goes with the next one that keeps templates; what is being kept just now stays', async () => {
  const [old, young, host] = made as [string, string, string]
  await mkdir(join(old, '0123456789abcdef-1'))
  const hourAgo = new Date(Date.now() - 3_600_000)
  await utimes(old, hourAgo, hourAgo)
  await keepTemplates(host)
  const left = await readdir(cache)
  expect([left.includes(basename(old)), left.includes(basename(young))]).toEqual([false, true])
})
