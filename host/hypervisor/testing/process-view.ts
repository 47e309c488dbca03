import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'

/** What the kernel tells of a process: who it is, what it may and what it has open. */
export type ProcessView = Awaited<ReturnType<typeof viewProcess>>

const statusFields = ['Name', 'Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'NSpid'] as const
export const namespaceKinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'] as const

async function fields(file: string): Promise<Record<(typeof statusFields)[number], string>> {
  const text = await readFile(file, 'utf8')
  const value = (name: string) => new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  return Object.fromEntries(statusFields.map((name) => [name, value(name)])) as Record<(typeof statusFields)[number], string>
}

/** Reads it all from /proc, of each of its threads where they could differ. */
export async function viewProcess(pid: number) {
  const proc = `/proc/${pid}`
  const tasks = await readdir(join(proc, 'task'))
  const threads = await Promise.all(tasks.map((task) => fields(join(proc, 'task', task, 'status'))))
  const namespaces = await Promise.all(namespaceKinds.map(async (kind) => [kind, await readlink(join(proc, 'ns', kind))] as const))
  const descriptors = await Promise.all((await readdir(join(proc, 'fd'))).map(async (fd) => [Number(fd), await readlink(join(proc, 'fd', fd)).catch(() => '')] as const))
  const limits = await readFile(join(proc, 'limits'), 'utf8')
  const limit = (name: string) => new RegExp(`^Max ${name} +(\\S+) +(\\S+)`, 'm').exec(limits)?.slice(1, 3).join(' ')
  return {
    threads,
    namespaces: Object.fromEntries(namespaces),
    descriptors: new Map(descriptors.filter(([, path]) => path !== '').sort(([a], [b]) => a - b)),
    root: (await readdir(join(proc, 'root'))).sort(),
    devices: (await readdir(join(proc, 'root/dev'))).sort(),
    coreLimit: limit('core file size'),
    fileSizeLimit: limit('file size'),
    dumped: (await readFile(join(proc, 'coredump_filter'), 'utf8')).trim(),
    cgroups: await readFile(join(proc, 'cgroup'), 'utf8'),
  }
}

/**
 * Behind all walls that a jail has: the account alone, no capability, namespaces of its own (of the network too), no core, a root of `root` without devices, and nothing open but
 * sockets, pipes and the like, and `files`.
 */
export function expectJailed(view: ProcessView, uid: number, agent: ProcessView, { root, files }: { root: readonly string[]; files: readonly RegExp[] }): void {
  const [account, none] = [Array(4).fill(uid).join('\t'), '0000000000000000']
  for (const thread of view.threads) expect(thread).toMatchObject({ Uid: account, Gid: account, Groups: '', CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none, NoNewPrivs: '1', Seccomp: '2' })
  for (const kind of ['ipc', 'mnt', 'net', 'pid', 'uts'] as const) expect(view.namespaces[kind], kind).not.toBe(agent.namespaces[kind])
  expect([view.root, view.devices, view.coreLimit]).toEqual([root, ['null', 'urandom'], '0 0'])
  const known = [/^(socket:\[\d+\]|pipe:\[\d+\]|anon_inode:\[?(eventfd|eventpoll|signalfd|inotify)\]?|\/dev\/(null|urandom))$/, ...files]
  expect([...view.descriptors.values()].filter((path) => !known.some((one) => one.test(path)))).toEqual([])
}
