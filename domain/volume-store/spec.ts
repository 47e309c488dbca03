import { z } from 'zod'
import { absolutePath, text } from '../pod/fields'
import { isIp, isSubnet } from '../shared/ip'

const cephName = text.min(1, 'must not be empty').max(128).regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, 'must be letters, digits, "_", "." and "-", and start with none of the last two')

/** `192.0.2.1:3300`, `[2001:db8::1]:6789`. */
const monitor = text.max(64).refine((address) => {
  const [, six, four, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(address) ?? []
  return isIp(six ?? four ?? '') && Number(port) > 0 && Number(port) < 65_536
}, 'must be an address and a port, such as "192.0.2.1:3300" or "[2001:db8::1]:3300"')

const yes = z.boolean({ error: 'must be true or false' })

/**
 * Where volumes are kept. `file`: qcow2 images in a folder of each host, left out: the host's own setting; `shared`: the folder is the same on every host (NFS), so that a
 * volume draws no pod to a host. `rbd`: images of a pool of Ceph; `user` may make users and shut clients out, and its key is no part of the spec; `networks`: where
 * the daemons of Ceph are, which virtual machines with such volumes reach, and nothing else.
 */
export const volumeStoreSpec = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('file'), folder: absolutePath.max(512).optional(), shared: yes.default(false) }),
    z.strictObject({
      kind: z.literal('rbd'),
      monitors: z.array(monitor).min(1, 'must name a monitor').max(9),
      pool: cephName,
      user: cephName,
      networks: z.array(text.max(49).refine(isSubnet, 'must be a subnet, such as "192.0.2.0/24"')).min(1, 'must name a subnet').max(16),
    }),
  ], { error: 'must be file or rbd' })
  .superRefine((spec, context) => {
    if (spec.kind === 'file' && spec.shared && spec.folder === undefined) context.addIssue({ code: 'custom', path: ['folder'], message: 'is required of a shared store: where each host has it mounted' })
  })
export type VolumeStoreSpec = z.infer<typeof volumeStoreSpec>

/** Whether a volume of it can be opened on any host that reaches it. */
export const isShared = (spec: VolumeStoreSpec): boolean => spec.kind === 'rbd' || spec.shared
/** Whether a silent host can be shut out of it from afar: of a folder nobody can. */
export const canFence = (spec: VolumeStoreSpec): boolean => spec.kind === 'rbd'

/**
 * Whether volumes of both would lie at one place: in one folder, or one in the other's; or in one pool of a cluster, which is the same where one of its monitors is. A store without a folder of its own has one
 * that nobody else has, in `hostFolder`.
 */
export function isSamePlace(a: VolumeStoreSpec, b: VolumeStoreSpec, hostFolder: string): boolean {
  if (a.kind === 'file' && b.kind === 'file') return (a.folder ?? b.folder) !== undefined && areNested(a.folder ?? hostFolder, b.folder ?? hostFolder)
  return a.kind === 'rbd' && b.kind === 'rbd' && a.pool === b.pool && a.monitors.some((one) => b.monitors.includes(one))
}
const plain = (folder: string): string => `/${folder.split('/').filter((part) => part !== '' && part !== '.').join('/')}`.replace(/\/*$/, '/')
const areNested = (a: string, b: string): boolean => plain(a).startsWith(plain(b)) || plain(b).startsWith(plain(a))
