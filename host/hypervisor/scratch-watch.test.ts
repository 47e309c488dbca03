import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { replayFile, replayFolder } from './replay-file'
import { ScratchWatch } from './scratch-watch'

let folder: string
let file: string
let said: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scratch-'))
  file = await sized(join(folder, 'scratch'), 1000)
  await mkdir(replayFolder(folder))
  said = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function sized(path: string, bytes: number): Promise<string> {
  await writeFile(path, '', { flag: 'a' })
  await truncate(path, bytes)
  return path
}

/** What a look at it now says. */
async function look(watch: ScratchWatch): Promise<string[]> {
  await watch.check()
  return said.splice(0)
}

function watch(): ScratchWatch {
  const one = new ScratchWatch({ file, bytes: 1000 }, folder, (what) => said.push(what))
  one.stop()
  return one
}

it('sees a scratch disk, and what is written over volumes that are read, that became larger than they were given', async () => {
  const one = watch()
  expect(await look(one)).toEqual([])
  await sized(replayFile(folder, 'a'), 600)
  await sized(replayFile(folder, 'b'), 400)
  expect(await look(one)).toEqual([])
  await sized(replayFile(folder, 'b'), 401)
  expect(await look(one)).toEqual(['what it writes over volumes that it reads'])
  await rm(replayFile(folder, 'b'))
  expect(await look(one)).toEqual([])
  await sized(file, 1001)
  expect(await look(one)).toEqual(['its scratch disk'])
})

it('takes what an agent of before gave to readers for what they may have', async () => {
  await sized(replayFile(folder, 'a'), 5000)
  const one = watch()
  expect(await look(one)).toEqual([])
  await sized(replayFile(folder, 'a'), 5001)
  expect(await look(one)).toEqual(['what it writes over volumes that it reads'])
})
