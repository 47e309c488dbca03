import { randomInt } from 'node:crypto'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { testPool } from '../testing/ceph'
import { openRbdStore } from '../testing/rbd-store'
import { diesAnywhere } from '../testing/store-crashes'
import type { StoreUnderTest } from '../testing/store-under-test'
import { RbdStore } from './rbd-store'

/**
 * Comes before each program of Ceph that an agent runs. The n-th is the last: it comes to its end without the agent's hearing of it, or is killed in the midst, and neither it nor one that comes after it answers until
 * `over`. Takes a folder, n, and how long the n-th may run.
 */
const wrapper = String.raw`
folder=$1; last=$2; seconds=$3; shift 3
[ -e "$folder/over" ] && exit 1
exec 9>"$folder/lock"; flock 9; count=$(($(cat "$folder/count") + 1)); echo $count >"$folder/count"; flock -u 9; exec 9>&-
[ $count -lt $last ] && exec "$@"
[ $count -eq $last ] && { timeout --signal=KILL "$seconds" "$@" >/dev/null 2>&1; echo died >"$folder/died"; }
echo $$ >>"$folder/waiting"
exec sleep 600
`

let under: Awaited<ReturnType<typeof openRbdStore>>
let folder: string
const isThere = (file: string): Promise<boolean> => access(file).then(() => true, () => false)

/** Of the agent that dies now. */
let life = ''

const cleanup = cleanupAfterAll()

beforeAll(async () => {
  under = await cleanup.open('the store', openRbdStore(), (one) => one.close())
  folder = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'rbd-crashes-')), (one) => rm(one, { recursive: true, force: true }))
  cleanup.add('an agent', end)
  await writeFile(join(folder, 'wrapper'), wrapper)
})

/** What the dead agent has left hanging goes, and what it would begin for that. */
async function end(): Promise<void> {
  const ended = life
  life = ''
  if (ended === '') return
  await writeFile(join(ended, 'over'), '')
  for (const pid of (await readFile(join(ended, 'waiting'), 'utf8').catch(() => '')).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
}

/** At every other program, so that it takes minutes; at which ones, and whether they come to their end, is another each time. */
async function dying(step: number): Promise<{ store: RbdStore; died: Promise<void> }> {
  await end()
  const mine = await mkdtemp(join(folder, 'life-'))
  life = mine
  await writeFile(join(mine, 'count'), '0')
  const { access: reached } = under.options
  const seconds = randomInt(2) === 0 ? '600' : String(randomInt(20, 200) / 1000)
  const through = [...(reached.through ?? []), 'sh', join(folder, 'wrapper'), mine, String(2 * step - randomInt(2)), seconds]
  const died = async (): Promise<void> => {
    while (life === mine && !(await isThere(join(mine, 'died')))) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { store: new RbdStore({ ...under.options, access: { ...reached, through } }), died: died() }
}

const dead: StoreUnderTest = {
  store: () => under.store(),
  other: () => under.other(),
  open: (image) => under.open(image),
  dying,
  restart: async () => {
    await end()
    await under.restart()
  },
  close: async () => {},
}

describe('an agent that dies in the midst of what it does in Ceph', { timeout: 600_000 }, () => {
  diesAnywhere(() => dead, ['create', 'clone', 'snapshot', 'flatten', 'remove of a snapshot', 'remove'])

  it('leaves nothing in the pool once all is removed', async () => {
    const namespace = `${testPool}/${under.options.namespace}`
    const objects = await under.ceph.admin.rados(testPool, under.options.namespace, ['ls'])
    expect([await under.ceph.admin.rbd(['ls', namespace]), await under.ceph.admin.rbd(['trash', 'ls', '--all', namespace]), objects.split('\n').filter((name) => !/^rbd_(directory|info|trash|children)$|^$/.test(name))]).toEqual(['', '', []])
  })
})
