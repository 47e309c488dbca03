import { once } from 'node:events'
import { randomBytes, randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { connect as connectTo, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { inTransaction } from '@/server/store/database'
import { findSourceUpload } from '@/server/store/volumes'
import { sweepVolumeUploads } from '@/server/services/volumes/volume-uploads'
import { startUploadServer } from './testing/upload-server'

const { test, ann, data, http, putVolume, files, callerOf, connect, dial, stop } = await startUploadServer()
afterAll(stop)
const { db } = test
const tenant = ann.tenant.slug
const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
await db.storageClass.create({ data: { name: 'local', storeId, isDefault: true, spec: { store: 'local' } } })
const server = { db, config: { ...test.server.config, data } }
beforeEach(async () => {
  await db.volume.deleteMany()
  await db.volumeUpload.updateMany({ data: { expiresAt: new Date(0) } })
  await sweepVolumeUploads(server)
  expect(await files()).toEqual([])
})

const raw = (bytes = 1 << 20): Buffer => randomBytes(bytes)
/** What `qemu-img create -f qcow2` writes first. */
function qcow2(virtualBytes: bigint, change: (header: Buffer) => void = () => {}): Buffer {
  const image = Buffer.alloc(196_616)
  for (const [at, value] of [[0, 0x5146_49fb], [4, 3], [20, 16]] as const) image.writeUInt32BE(value, at)
  image.writeBigUInt64BE(virtualBytes, 24)
  change(image)
  return image
}

it('a disk is kept for a day, and goes once a volume is made of it', async () => {
  const image = qcow2(1n << 30n)
  const sent = await putVolume(ann, {}, image)
  expect(sent).toMatchObject({ status: 201, body: { format: 'qcow2', bytes: image.length, virtualBytes: 2 ** 30, digest: expect.stringMatching(/^sha256:[a-f0-9]{64}$/), volume: null } })
  const id = sent.body.id ?? ''
  expect(await files()).toEqual([id])
  const caller = callerOf(ann)
  await caller.volume.create({ tenant, name: 'data', spec: { size: '2Gi', source: { kind: 'Upload', uploadId: id } } })
  expect((await caller.volume.listUploads({ tenant })).items).toEqual([expect.objectContaining({ id, volume: 'data', createdBy: ann.account.email })])
  await expect(caller.volume.deleteUpload({ tenant, id })).rejects.toThrow('The volume "data" is being made of this upload')
  // However long that takes.
  await db.volumeUpload.updateMany({ data: { expiresAt: new Date(0) } })
  expect(await sweepVolumeUploads(server)).toBe(0)
  await db.volume.updateMany({ data: { storedPhase: 'Ready' } })
  expect([await sweepVolumeUploads(server), await sweepVolumeUploads(server), await files(), (await caller.volume.listUploads({ tenant })).items]).toEqual([1, 0, [], []])
  expect((await caller.audit.list({ tenant })).items.slice(0, 2).map(({ action, detail }) => [action, detail])).toEqual([['volume.create', '2Gi of local from an upload'], ['volume.upload', 'qcow2, 192 KiB']])
})

it('what would be refused once a disk is sent is refused before a byte of it is', async () => {
  const caller = callerOf(ann)
  const ask = (over: object = {}, header = qcow2(1n << 30n).subarray(0, 104)) => caller.volume.previewUpload({ tenant, name: 'sent', spec: { size: '1Gi' }, bytes: 196_616, header: header.toString('base64'), ...over })
  expect(await ask()).toEqual({ format: 'qcow2', virtualBytes: 2 ** 30 })
  expect([await db.volume.count(), await files()]).toEqual([0, []])
  await expect(ask({ spec: { size: '1Mi' } })).rejects.toMatchObject({ message: expect.stringContaining('the disk has 1 GiB') })
  await expect(ask({ spec: { size: '1Gi', storageClassName: 'gold' } })).rejects.toMatchObject({ message: expect.stringContaining('there is no storage class "gold"') })
  await expect(ask({ bytes: 1000 }, Buffer.alloc(104, 1))).rejects.toMatchObject({ message: expect.stringContaining('it is no image of a disk') })
  await expect(ask({}, qcow2(1n << 30n, (header) => header.writeBigUInt64BE(8n, 8)).subarray(0, 104))).rejects.toMatchObject({ message: expect.stringContaining('it holds only what differs from another image') })
  await expect(ask({ bytes: 2 ** 41, spec: { size: '16Ti' } }, Buffer.alloc(104, 1))).rejects.toMatchObject({ message: expect.stringContaining('more than 100 GiB together') })
  await caller.volume.create({ tenant, name: 'sent', spec: { size: '1Mi' } })
  await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining('A volume "sent" exists') })
})

it('no more of one tenant is kept than the server has room for', async () => {
  await db.volumeUpload.create({ data: { tenantId: ann.tenant.id, format: 'raw', bytes: (100n << 30n) - (3n << 20n), virtualBytes: 1n << 30n, digest: 'd', createdBy: 'ann', expiresAt: new Date(Date.now() + 60_000) } })
  expect((await putVolume(ann, {}, raw(2 << 20))).status).toBe(201)
  const { body } = await putVolume(ann, {}, raw(2 << 20))
  expect(body.error?.message).toContain('would have more than 100 GiB together, which is the most that the server keeps of one')
  expect(await files()).toHaveLength(1)
})

it('one of which a volume is being made stays, though another was made of it', async () => {
  const id = (await putVolume(ann, { name: 'first' }, raw())).body.id ?? ''
  await db.volume.updateMany({ data: { storedPhase: 'Ready' } })
  await inTransaction(db, async (tx) => {
    await findSourceUpload(tx, { tenantId: ann.tenant.id }, id)
    expect(await sweepVolumeUploads(server), 'it is held').toBe(0)
  })
  expect(await sweepVolumeUploads(server)).toBe(1)
})

it('a disk becomes a volume at once where it is named, or neither is there', async () => {
  const sent = await putVolume(ann, { name: 'disk', class: 'local' }, raw(1_500_160))
  expect(sent).toMatchObject({ status: 201, body: { format: 'raw', virtualBytes: 1_500_160, volume: 'disk' } })
  expect(await db.volume.findFirst({ where: { name: 'disk' } })).toMatchObject({ sizeBytes: 2n << 20n, sourceUploadId: sent.body.id })
  const before = await files()
  for (const [query, problem] of [
    [{ name: 'disk' }, 'A volume "disk" exists'], [{ name: 'small', size: '1Mi' }, 'ask for at least as much'], [{ name: 'other', class: 'gold' }, 'there is no storage class "gold"'], [{ name: 'Not A Name' }, 'name: '], [{ name: 'odd', size: '1.5' }, 'size: '],
  ] as const) expect((await putVolume(ann, query, raw(2 << 20))).body.error?.message, JSON.stringify(query)).toContain(problem)
  await db.tenant.updateMany({ data: { volumeQuota: 1 } })
  expect((await putVolume(ann, { name: 'second' }, raw())).body.error?.message).toContain('has 1 volumes, and may have 1')
  await db.tenant.updateMany({ data: { volumeQuota: null } })
  expect([await files(), await db.volume.count(), await db.volumeUpload.count()]).toEqual([before, 1, 1])
})

it('what no volume can be made of is refused, and leaves nothing', async () => {
  const bob = await test.signUp('bob')
  const cookie = { cookie: 'next-auth.session-token=x' }
  for (const [what, status, message, answer] of [
    ['no sectors', 400, 'a raw one has a multiple of 512 bytes', await putVolume(ann, {}, raw(1000))],
    ['nothing', 400, 'it is empty', await putVolume(ann, {}, Buffer.alloc(0))],
    ['a file of the reader', 400, 'holds only what differs from another image', await putVolume(ann, {}, qcow2(1n << 30n, (image) => image.writeBigUInt64BE(200n, 8)))],
    ['data elsewhere', 400, 'its data lies in another file', await putVolume(ann, {}, qcow2(1n << 30n, (image) => image.writeBigUInt64BE(4n, 72)))],
    ['too large', 400, 'more than any volume may', await putVolume(ann, {}, qcow2((1n << 44n) + 512n))],
    ['a cut header', 400, 'it is no qcow2', await putVolume(ann, {}, qcow2(1n << 30n).subarray(0, 60))],
    ['nobody', 401, '', await putVolume(ann, {}, raw(), { headers: {} })],
    ['a cookie from another page', 401, '', await putVolume(ann, {}, raw(), { headers: { ...cookie, origin: 'http://evil.example' } })],
    ['another tenant', 404, 'does not exist', await putVolume(bob, {}, raw(), { tenant })],
    ['another method', 405, 'PUT', await putVolume(ann, {}, raw(), { method: 'POST' })],
  ] as const) expect([what, answer.status, answer.body.error?.message], what).toEqual([what, status, expect.stringContaining(message)])
  await db.tenant.updateMany({ data: { volumeBytesQuota: 1n << 20n } })
  expect((await putVolume(ann, {}, raw(2 << 20))).body.error?.message).toContain('more bytes together than its quota of volumes')
  await db.tenant.updateMany({ data: { volumeBytesQuota: null } })
  for (let i = 0; i < 20; i += 1) await db.volumeUpload.create({ data: { tenantId: ann.tenant.id, format: 'raw', bytes: 1n, virtualBytes: 1n, digest: 'd', createdBy: 'x', expiresAt: new Date(Date.now() + 60_000) } })
  expect((await putVolume(ann, {}, raw())).body.error?.message).toContain('has 20 uploads of which no volume is made yet')
  expect(await files()).toEqual([])
})

it('a disk that ends early leaves nothing', async () => {
  const socket = connectTo((http.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`PUT /api/volumes/${tenant}?name=half HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Length: ${2 << 20}\r\n\r\n`)
  socket.write(raw())
  await expect.poll(files, { timeout: 20_000 }).toHaveLength(1)
  socket.destroy()
  await expect.poll(files, { timeout: 20_000 }).toEqual([])
  expect([await db.volumeUpload.count(), await db.volume.count()]).toEqual([0, 0])
})

it('a disk whose sender says too early that it has ended leaves nothing, and its sender reads why', async () => {
  const socket = connectTo({ port: (http.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  socket.write(`PUT /api/volumes/${tenant}?name=half HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Length: ${2 << 20}\r\n\r\n`)
  socket.write(raw())
  await expect.poll(files, { timeout: 20_000 }).toHaveLength(1)
  socket.end()
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/json\r\n/)
  expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_input', message: expect.stringMatching(/ended before all of its body had come, and nothing of it was kept\. Send it again/) } })
  await expect.poll(files, { timeout: 20_000 }).toEqual([])
  expect([await db.volumeUpload.count(), await db.volume.count()]).toEqual([0, 0])
})

it('a host gets the disks of the volumes that it is to make, and no others', async () => {
  const image = raw()
  const { body: { id = '' } } = await putVolume(ann, { name: 'mine' }, image)
  const host = await connect('h1')
  await expect(host.host.fetchUpload({ uploadId: id })).rejects.toThrow('No pod or volume of this host names this upload')
  await db.volume.updateMany({ data: { hostId: host.hostId, epoch: 1n } })
  const { url } = await host.host.fetchUpload({ uploadId: id })
  expect((await dial(url)).bytes.equals(image)).toBe(true)
  await expect(host.host.fetchUpload({ uploadId: randomUUID() })).rejects.toThrow('No pod or volume')
  await db.volume.updateMany({ data: { storedPhase: 'Ready' } })
  await expect(host.host.fetchUpload({ uploadId: id })).rejects.toThrow('No pod or volume')
  host.close()
})

it('an upload of nobody else can be used or deleted, and one whose time is over is gone', async () => {
  const bob = await test.signUp('bobby')
  const { body: { id = '' } } = await putVolume(ann, {}, raw())
  await expect(callerOf(bob).volume.deleteUpload({ tenant: bob.tenant.slug, id })).rejects.toThrow('does not exist')
  await expect(callerOf(bob).volume.create({ tenant: bob.tenant.slug, name: 'x', spec: { size: '1Mi', source: { kind: 'Upload', uploadId: id } } })).rejects.toThrow('there is no such upload')
  await callerOf(ann).volume.deleteUpload({ tenant, id })
  expect(await files()).toEqual([])
  const { body } = await putVolume(ann, {}, raw())
  await db.volumeUpload.updateMany({ data: { expiresAt: new Date(0) } })
  await writeFile(join(data, 'uploads', 'other'), 'x')
  expect([await sweepVolumeUploads(server), await files()]).toEqual([1, ['other']])
  await rm(join(data, 'uploads', 'other'))
  expect(body.id).not.toBe(id)
})
