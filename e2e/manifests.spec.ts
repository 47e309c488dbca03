import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { hypernetes } from './fixtures/hypernetes-manifests'
import { waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

const pod = (name: string) => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: ns1
  labels:
    app: ${name}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: web
      image: ${sampleImage}
`

async function writeManifest(page: Page, slug: string, text: string): Promise<void> {
  await page.goto(`/t/${slug}/pods/new?as=yaml`)
  const editor = page.getByRole('textbox', { name: 'Manifest' })
  await editor.click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  // Pasted, for the editor indents what is typed.
  await editor.evaluate((element, pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', pasted)
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)
}

test('several documents at once: the Network and Namespace of 2016 as they were written, and a pod in them', async ({ console: page, tenant }) => {
  await writeManifest(page, tenant.slug, `${pod('web')}---\n${hypernetes(tenant.id)}`)
  await page.getByRole('button', { name: 'Apply 3 objects' }).click()
  await expect(page.getByRole('heading', { name: 'Pods', level: 1 })).toBeVisible()
  await expect(page.getByRole('row', { name: /web/ })).toContainText('ns1')
  const running = await waitUntilRunning(tenant, { namespace: 'ns1', name: 'web' })
  expect(running.status.podIP).toMatch(/^192\.168\.0\.\d+$/)
  await expect(page.getByRole('row', { name: /web/ })).toContainText('Running')

  await test.step('the same again changes nothing', async () => {
    const { results } = await tenant.api['manifest.apply'].mutate({ tenant: tenant.slug, yaml: hypernetes(tenant.id) })
    expect(results.map(({ kind, name, action }) => `${kind} ${name} ${action}`)).toEqual(['Network net1 unchanged', 'Namespace ns1 unchanged'])
  })
})

test('a wrong manifest shows every problem with its line and creates nothing', async ({ console: page, tenant }) => {
  const wrong = `${hypernetes(tenant.id)}---
apiVersion: v1
kind: Pod
metadata:
  name: Not_A_Name
  namespace: ns1
spec:
  hostNetwork: true
  restartPolicy: Sometimes
  containers:
    - name: web
      image: ${sampleImage}
      imagePullPolicie: Always
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
`
  await writeManifest(page, tenant.slug, wrong)
  const problems = page.getByRole('listitem').filter({ hasText: /^Line \d+/ })
  for (const [line, path] of [[22, 'metadata.name'], [25, 'spec.hostNetwork'], [26, 'spec.restartPolicy'], [30, 'imagePullPolicie'], [33, 'kind']] as const) {
    await expect(problems.filter({ hasText: `Line ${line}` }).filter({ hasText: path })).toBeVisible()
  }
  await expect(page.getByRole('button', { name: /Apply 4 objects/ })).toHaveAttribute('aria-disabled', 'true')

  const { results } = await tenant.api['manifest.apply'].mutate({ tenant: tenant.slug, yaml: wrong })
  expect(results.flatMap((result) => result.problems.map((problem) => problem.line))).toEqual(expect.arrayContaining([22, 25, 26, 30, 33]))
  expect(results.map((result) => result.action)).toEqual(['unchanged', 'unchanged', 'unchanged', 'unchanged'])
  expect((await tenant.api.network.list.query({ tenant: tenant.slug })).items.map((network) => network.metadata.name)).toEqual(['default'])
  expect((await tenant.api.pod.list.query({ tenant: tenant.slug })).total).toBe(0)
})

test('a text whose aliases would fill the memory is refused', async ({ tenant }) => {
  const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}, *a${i}, *a${i}, *a${i}, *a${i}]`)
  const { results } = await tenant.api['manifest.apply'].mutate({ tenant: tenant.slug, yaml: ['a0: &a0 x', ...levels].join('\n') })
  expect(results.flatMap((result) => result.problems)).not.toEqual([])
  expect(results.every((result) => result.action === 'unchanged')).toBe(true)
})

test('form and YAML edit one draft, and what is left unsaved asks', async ({ console: page, tenant }) => {
  await page.goto(`/t/${tenant.slug}/pods/new`)
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('drafted')
  await page.getByRole('textbox', { name: /^Memory limit/ }).fill('300Mi')
  await page.getByRole('group', { name: 'Edit as' }).getByText('YAML').click()
  const editor = page.getByRole('textbox', { name: 'Manifest' })
  await expect(editor).toContainText('name: drafted')
  await expect(editor).toContainText('memory: 300Mi')
  await page.getByRole('link', { name: 'Networks', exact: true }).click()
  const question = page.getByRole('alertdialog')
  await expect(question).toBeVisible()
  await question.getByRole('button').first().click()
  await expect(editor).toContainText('name: drafted')
})
