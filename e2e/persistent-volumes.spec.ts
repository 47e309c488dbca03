import { sampleImage } from '@/domain/image/sample'
import type { Tenant } from './fixtures/accounts'
import { waitForPod, waitUntilRunning, type PodReference } from './fixtures/pods'
import { expect, test } from './fixtures/test'

const pod = (name: string): PodReference => ({ namespace: 'default', name })

/** Applies manifests, all of them right. */
async function apply({ api, slug }: Tenant, yaml: string): Promise<void> {
  const { results } = await api['manifest.apply'].mutate({ tenant: slug, yaml })
  expect(results.flatMap(({ problems }) => problems)).toEqual([])
}

/** What a command of the pod's container says, where it ends well. */
async function said(tenant: Tenant, name: string, script: string, container?: string): Promise<string> {
  const { exitCode, stdout, stderr } = await tenant.api.pod.run.mutate({ tenant: tenant.slug, ...pod(name), command: ['sh', '-c', script], timeoutSeconds: 60, ...(container && { container }) })
  expect(exitCode, stderr).toBe(0)
  return stdout.trim()
}

/** Waits until a volume is so; what it is then stands in the failure. */
const expectPhase = ({ api, slug }: Tenant, name: string, phase: string) =>
  expect.poll(async () => { const { status } = await api.volume.get.query({ tenant: slug, name }); return status.phase === phase || JSON.stringify(status) }, { timeout: 90_000 }).toBe(true)

/** A volume's status, which its host tells apart from that of the pod that has it. */
const expectStatus = ({ api, slug }: Tenant, name: string) => expect.poll(async () => (await api.volume.get.query({ tenant: slug, name })).status, { timeout: 90_000 })

/** As Hypernetes' announcement of 2016 has it, but for the image and the path of the mount. */
const announced = (name: string, volumeID: string) => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels:
    app: nginx
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: nginx
    image: ${sampleImage}
    ports:
    - containerPort: 80
    volumeMounts:
    - name: nginx-persistent-storage
      mountPath: /var/lib/nginx
  volumes:
  - name: nginx-persistent-storage
    cinder:
      volumeID: ${volumeID}
      fsType: ext4
`

/** Two of the sample's own commands would want one port. */
const waits = 'trap \'exit 0\' TERM; while :; do sleep 0.2; done'
const claimed = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: logs}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Volume
metadata: {name: raw}
spec: {size: 16Mi, volumeMode: Block}
---
apiVersion: v1
kind: Volume
metadata: {name: files}
spec: {size: 128Mi, source: {kind: Image, reference: "${sampleImage}"}}
---
apiVersion: v1
kind: Pod
metadata: {name: parts}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 0}
  containers:
  - {name: writes, image: ${sampleImage}, command: [sh, -c, "${waits}"], volumeMounts: [{name: logs, mountPath: /logs}, {name: files, mountPath: /files}], volumeDevices: [{name: raw, devicePath: /dev/xvda}]}
  - {name: reads, image: ${sampleImage}, command: [sh, -c, "${waits}"], volumeMounts: [{name: logs, mountPath: /part, subPath: part, readOnly: true}]}
  volumes:
  - {name: logs, persistentVolumeClaim: {claimName: logs}}
  - {name: raw, cinder: {volumeID: raw}}
  - {name: files, cinder: {volumeID: files}}
`

test('what a pod writes to its Cinder volume is there for the next one, which waits until the first has gone', async ({ console: page, tenant }) => {
  test.slow()
  const { api, slug } = tenant
  await apply(tenant, 'apiVersion: v1\nkind: Volume\nmetadata: {name: data}\nspec: {size: 64Mi}\n')
  const { metadata: { uid } } = await api.volume.get.query({ tenant: slug, name: 'data' })
  await apply(tenant, announced('first', uid))
  await waitUntilRunning(tenant, pod('first'))
  await said(tenant, 'first', 'echo kept > /var/lib/nginx/file && sync')
  await expectStatus(tenant, 'data').toMatchObject({ phase: 'InUse', formatted: 'ext4', attachments: [{ pod: { name: 'first' }, phase: 'Attached', hot: false }] })

  await apply(tenant, announced('second', uid))
  const waiting = await waitForPod(tenant, pod('second'), ({ status }) => status.conditions.some(({ type, reason }) => type === 'VolumesAvailable' && reason === 'VolumeInUse'))
  const why = 'is attached to pod "first" in namespace "default": delete that pod, or clone the volume'
  expect(waiting.status.conditions.find(({ type }) => type === 'VolumesAvailable')?.message).toContain(why)
  // Its list and its page say so first, not that its host waits.
  await waitForPod(tenant, pod('second'), ({ status }) => status.reason === 'VolumeInUse' && status.phase === 'Starting')
  await page.goto(`/t/${slug}/pods`)
  await expect(page.getByRole('row').filter({ hasText: 'second' })).toContainText(why)
  await page.goto(`/t/${slug}/pods/default/second`)
  await expect(page.getByRole('note').filter({ hasText: 'VolumeInUse' })).toContainText(why)

  await api.pod.delete.mutate({ tenant: slug, ...pod('first') })
  await waitUntilRunning(tenant, pod('second'))
  expect(await said(tenant, 'second', 'cat /var/lib/nginx/file')).toBe('kept')
})

test('a claim gets a volume, of which containers have parts; a block volume is a device of its container; one is filled with an image’s files; one of xfs, and a bare device, come while they run, and go', async ({ tenant }) => {
  test.slow()
  const { api, slug } = tenant
  await apply(tenant, claimed)
  await waitForPod(tenant, pod('parts'), ({ status }) => status.containers.length === 2 && status.containers.every(({ state }) => state === 'Running'))
  expect((await api.volumeClaim.get.query({ tenant: slug, name: 'logs' })).status).toMatchObject({ phase: 'Bound', capacity: { storage: '64Mi' }, storageClass: expect.any(String), usedBy: ['parts'] })
  await said(tenant, 'parts', 'mkdir -p /logs/part && echo seen > /logs/part/line', 'writes')
  expect(await said(tenant, 'parts', 'cat /part/line', 'reads')).toBe('seen')
  expect(await said(tenant, 'parts', 'touch /part/x 2>&1 || true', 'reads')).toContain('Read-only file system')
  expect(await said(tenant, 'parts', 'printf hello | dd of=/dev/xvda bs=512 conv=sync,fsync 2>/dev/null && dd if=/dev/xvda bs=5 count=1 2>/dev/null', 'writes')).toBe('hello')
  await expectStatus(tenant, 'raw').toMatchObject({ phase: 'InUse', formatted: 'block' })
  // The files of an image came into it, are its own from then on, and do not come again.
  const sum = (root: string) => `cd ${root} && find bin var -type f | sort | xargs md5sum | md5sum`
  expect(await said(tenant, 'parts', sum('/files'), 'writes')).toBe(await said(tenant, 'parts', sum('/'), 'reads'))
  await said(tenant, 'parts', 'rm -r /files/var && echo mine > /files/own && sync', 'writes')
  const snapshot = await api.volumeSnapshot.create.mutate({ tenant: slug, name: 'edited', spec: { source: { volumeName: 'files' } } })
  await expect.poll(async () => (await api.volumeSnapshot.get.query({ tenant: slug, name: snapshot.metadata.name })).status.phase, { timeout: 90_000 }).toBe('Ready')
  await api.volume.create.mutate({ tenant: slug, name: 'copy', spec: { size: '128Mi', source: { kind: 'Snapshot', name: 'edited' } } })
  await expectPhase(tenant, 'copy', 'Available')
  await api.volume.attach.mutate({ tenant: slug, name: 'copy', pod: pod('parts'), mounts: [{ container: 'writes', mountPath: '/copy' }] })
  await expectPhase(tenant, 'copy', 'InUse')
  expect(await said(tenant, 'parts', 'cat /copy/own; ls -d /copy/var 2>/dev/null || echo none', 'writes')).toBe('mine\nnone')

  // Of a volume that comes while the pod runs: xfs, on a bus on which its pod is told of a full store.
  await api.volume.create.mutate({ tenant: slug, name: 'late', spec: { size: '320Mi', fsType: 'xfs', onFull: 'Fail' } })
  await api.volume.attach.mutate({ tenant: slug, name: 'late', pod: pod('parts'), mounts: [{ container: 'writes', mountPath: '/late' }, { container: 'reads', mountPath: '/late', readOnly: true }] })
  await expectPhase(tenant, 'late', 'InUse')
  await said(tenant, 'parts', 'echo late > /late/file', 'writes')
  expect(await said(tenant, 'parts', 'cat /late/file; grep -c "/late xfs" /proc/mounts', 'reads')).toBe('late\n1')
  await api.volume.update.mutate({ tenant: slug, name: 'late', size: '400Mi' })
  await expect.poll(async () => Number(await said(tenant, 'parts', "df -m /late | tail -1 | awk '{print $2}'", 'writes')), { timeout: 60_000 }).toBeGreaterThan(330)
  await api.volume.detach.mutate({ tenant: slug, name: 'late' })
  await expectPhase(tenant, 'late', 'Available')
  expect(await said(tenant, 'parts', 'ls /late', 'writes')).toBe('')

  // A block device comes so, too.
  await api.volume.create.mutate({ tenant: slug, name: 'bare', spec: { size: '16Mi', volumeMode: 'Block' } })
  await api.volume.attach.mutate({ tenant: slug, name: 'bare', pod: pod('parts'), devices: ['writes', 'reads'].map((container) => ({ container, devicePath: '/dev/bare' })) })
  await expectPhase(tenant, 'bare', 'InUse')
  await said(tenant, 'parts', 'printf there | dd of=/dev/bare bs=512 conv=sync,fsync 2>/dev/null', 'writes')
  expect(await said(tenant, 'parts', 'head -c 5 /dev/bare', 'reads')).toBe('there')
  await api.volume.detach.mutate({ tenant: slug, name: 'bare' })
  await expectPhase(tenant, 'bare', 'Available')
  expect(await said(tenant, 'parts', 'ls /dev/bare 2>/dev/null || echo gone', 'writes')).toBe('gone')
})

/** Reads a volume of many readers, at a path of its own. */
const readerOf = (name: string, volume: string) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 0}
  containers:
  - {name: reads, image: ${sampleImage}, command: [sh, -c, "${waits}"], volumeMounts: [{name: files, mountPath: /files}]}
  volumes:
  - {name: files, cinder: {volumeID: ${volume}, readOnly: true}}
`

test('several pods read a copy of a volume that is being written, all that was said to be on it; nobody writes it, and the copy is copied while they read', async ({ tenant }) => {
  test.slow()
  const { api, slug } = tenant
  await apply(tenant, 'apiVersion: v1\nkind: Volume\nmetadata: {name: busy}\nspec: {size: 64Mi}\n')
  await apply(tenant, announced('writer', 'busy'))
  await waitUntilRunning(tenant, pod('writer'))
  await said(tenant, 'writer', 'mkdir /var/lib/nginx/d && for i in $(seq 20); do echo $i > /var/lib/nginx/d/$i; sync; done')
  await api.volumeSnapshot.create.mutate({ tenant: slug, name: 'moment', spec: { source: { volumeName: 'busy' } } })
  await expect.poll(async () => (await api.volumeSnapshot.get.query({ tenant: slug, name: 'moment' })).status.phase, { timeout: 90_000 }).toBe('Ready')
  await api.volume.create.mutate({ tenant: slug, name: 'shown', spec: { size: '64Mi', accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 'moment' } } })
  for (const name of ['reader-a', 'reader-b']) await apply(tenant, readerOf(name, 'shown'))
  for (const name of ['reader-a', 'reader-b']) {
    await waitUntilRunning(tenant, pod(name))
    expect(await said(tenant, name, 'ls /files/d | wc -l; cat /files/d/20; touch /files/x 2>&1 || true')).toMatch(/^20\n20\n.*Read-only file system/s)
  }
  const readers = async () => (await api.volume.get.query({ tenant: slug, name: 'shown' })).status.attachments.map(({ pod: reader, phase }) => [reader?.name, phase]).toSorted()
  await expect.poll(readers, { timeout: 90_000 }).toEqual([['reader-a', 'Attached'], ['reader-b', 'Attached']])
  await api.volume.create.mutate({ tenant: slug, name: 'anew', spec: { size: '64Mi', source: { kind: 'Volume', name: 'shown' } } })
  await expectPhase(tenant, 'anew', 'Available')
  await api.pod.delete.mutate({ tenant: slug, ...pod('reader-a') })
  expect(await said(tenant, 'reader-b', 'cat /files/d/1')).toBe('1')
})
