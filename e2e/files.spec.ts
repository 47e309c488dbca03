import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sampleImage } from '@/domain/image/sample'
import { installation } from './fixtures/installation'
import { runIn, waitUntilRunning } from './fixtures/pods'
import { runTool } from './fixtures/tools'
import { expect, test } from './fixtures/test'

const pod = { namespace: 'default', name: 'files' }
const filesUrl = (slug: string, query: Record<string, string>) => `${installation.url}/api/pods/${slug}/default/files/files?${new URLSearchParams(query)}`

test('files of a pod: a person browses, uploads, downloads and copies folders both ways', async ({ console: page, tenant }) => {
  test.setTimeout(240_000)
  const command = ['sh', '-c', 'mkdir -p /data/sub; echo hello >/data/a.txt; ln -s /data/a.txt /data/link; ln -s /data /folder; exec sleep 3600']
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, ...pod, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: sampleImage, command, securityContext: { runAsUser: 0 } }] } })
  await waitUntilRunning(tenant, pod)
  await expect.poll(async () => (await runIn(tenant, pod, 'ls', '/folder').catch(() => null))?.exitCode, { timeout: 60_000 }).toBe(0)
  await page.goto(`/t/${tenant.slug}/pods/default/files/files`)
  const table = page.getByRole('table', { name: 'Files' })

  await test.step('browse, by links and by a typed path, and back', async () => {
    await table.getByRole('link', { name: 'data', exact: true }).click()
    await expect(table.getByRole('row', { name: /^File a\.txt/ })).toContainText('6 B')
    await expect(table.getByRole('row', { name: /^Link link/ })).toContainText('→ /data/a.txt')
    await expect(page).toHaveURL(/path=%2Fdata/)
    await expect(page.locator('[aria-current="page"]').filter({ hasText: /^data$/ })).toBeFocused()
    await page.getByLabel('Go to path').first().fill('/folder/../data/sub')
    await page.keyboard.press('Enter')
    await expect(page.getByText('This folder is empty')).toBeVisible()
    await page.goBack()
    await expect(table.getByRole('row', { name: /^File a\.txt/ })).toBeVisible()
  })

  await test.step('upload by the picker, and by dropping', async () => {
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Upload files' }).click()
    await (await chooser).setFiles([{ name: 'notes ü.txt', mimeType: 'text/plain', buffer: Buffer.from('from the picker') }, { name: 'big.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(6 << 20, 'x') }])
    await expect(page.getByText('2 of 2 files done')).toBeVisible({ timeout: 60_000 })
    await expect(table.getByRole('row', { name: /big\.bin/ })).toContainText('6 MiB')
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File(['dropped here'], 'dropped.txt'))
      return transfer
    })
    for (const event of ['dragenter', 'dragover', 'drop']) await table.dispatchEvent(event, { dataTransfer: dropped })
    await expect(table.getByRole('row', { name: /dropped\.txt/ })).toBeVisible({ timeout: 60_000 })
    const inside = await runIn(tenant, pod, 'sh', '-c', 'cat "/data/notes ü.txt" /data/dropped.txt; wc -c </data/big.bin')
    expect(inside.stdout.trim()).toBe('from the pickerdropped here6291456')
  })

  await test.step('download a file', async () => {
    const download = page.waitForEvent('download')
    await table.getByRole('link', { name: 'notes ü.txt' }).click()
    const file = await download
    expect(file.suggestedFilename()).toBe('notes ü.txt')
    expect(readFileSync(await file.path(), 'utf8')).toBe('from the picker')
  })

  await test.step('a path that is not there, and one that is a file, say so and lead on', async () => {
    await page.getByLabel('Go to path').first().fill('/data/a.txt')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('alert').first()).toContainText('/data/a.txt')
    await page.getByRole('button', { name: 'Go to /data' }).click()
    await expect(table.getByRole('row', { name: /^File a\.txt/ })).toBeVisible()
    await page.goto(`/t/${tenant.slug}/pods/default/files/files?path=/no/such`)
    await expect(page.getByText('/no/such cannot be shown as a folder')).toBeVisible()
  })

  await test.step('over HTTP with a token: tar, one file, and refusals', async () => {
    const headers = { authorization: `Bearer ${tenant.token}` }
    expect(await (await fetch(filesUrl(tenant.slug, { path: '/data/link', raw: '1' }), { headers })).text()).toBe('hello\n')
    const missing = await fetch(filesUrl(tenant.slug, { path: '/no/such' }), { headers })
    expect([missing.status, await missing.json()]).toMatchObject([412, { error: { message: expect.stringContaining('/no/such') } }])
    expect((await fetch(filesUrl(tenant.slug, { path: '/data', name: '../x' }), { method: 'PUT', headers, body: 'x' })).status).toBe(400)
    const foreign = await page.context().request.put(filesUrl(tenant.slug, { path: '/data', name: 'x' }), { headers: { origin: 'http://evil.example' }, data: 'x' })
    expect(foreign.status()).toBe(403)
    expect((await runIn(tenant, pod, 'ls', '/data')).stdout).not.toMatch(/^x$/m)
  })

  await test.step('copy a folder out and in by the command', async () => {
    const folder = await mkdtemp('/var/tmp/hypernetes-copy-')
    try {
      expect(await runTool(tenant, folder, 'copy', 'default/files:/data', 'data')).toMatchObject({ code: 0, err: expect.stringContaining('Left out: data/link') })
      expect((await readdir(join(folder, 'data'))).sort()).toEqual(['a.txt', 'big.bin', 'dropped.txt', 'notes ü.txt', 'sub'])
      expect(await runTool(tenant, folder, 'copy', 'data', 'default/files:/copies/')).toMatchObject({ code: 0, out: expect.stringContaining('default/files:/copies/data') })
      expect((await runIn(tenant, pod, 'sh', '-c', 'cd /copies/data && cat a.txt && cmp big.bin /data/big.bin && echo same')).stdout).toBe('hello\nsame\n')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  await test.step('all of it is in the audit', async () => {
    const { items } = await tenant.api.audit.list.query({ tenant: tenant.slug, limit: 200 })
    expect(items.map((entry) => `${entry.action} ${entry.detail}`)).toContainEqual(expect.stringMatching(/^pod\.copy\.close into \/data of container main, \d+ B in, 0 B out$/))
  })
})
