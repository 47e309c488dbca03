import { sampleImage } from '@/domain/image/sample'
import { createPod, runPod, waitForPod } from './fixtures/pods'
import { expect, test } from './fixtures/test'

test('a crash is told with its cause and last lines; the pod is mended and created anew in one action', async ({ console: page, tenant }) => {
  await createPod(tenant, { name: 'app', container: { command: ['sh', '-c', 'echo reading settings; echo no configuration >&2; exit 3'] } })
  await waitForPod(tenant, { namespace: 'default', name: 'app' }, (pod) => pod.status.containers.some((each) => each.restartCount > 0 && each.state === 'Waiting'))
  await page.goto(`/t/${tenant.slug}/pods/default/app`)
  const crash = page.getByRole('region', { name: 'How container main ended' })
  await expect(crash).toContainText('code 3')
  await expect(crash.getByRole('group', { name: 'Last lines of main' })).toContainText('no configuration')
  await expect(crash).toContainText('Next:')
  await crash.getByRole('link', { name: 'Read previous logs' }).click()
  await expect(page.getByRole('log')).toContainText('no configuration')
  await page.goBack()

  await crash.getByRole('link', { name: 'Edit and re-create' }).click()
  const editor = page.getByRole('textbox', { name: 'Manifest of pod app' })
  await expect(editor).toContainText('exit 3')
  const create = page.getByRole('button', { name: 'Delete and create anew' })
  await expect(create).toHaveAttribute('aria-disabled', 'true')
  await editor.press('ControlOrMeta+a')
  await page.keyboard.insertText(`apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\n  namespace: default\n  labels: {mended: "yes"}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers:\n    - name: main\n      image: ${sampleImage}\n`)
  await create.click()
  const dialog = page.getByRole('alertdialog')
  await expect(dialog).toContainText('created by itself once this one has gone')
  await dialog.getByRole('button', { name: 'Delete and create anew' }).click()
  await expect(page).toHaveURL(new RegExp(`/t/${tenant.slug}/pods/default/app$`))
  await expect(page.getByText('mended=yes')).toBeVisible({ timeout: 60_000 })
  const next = await waitForPod(tenant, { namespace: 'default', name: 'app' }, (pod) => pod.status.phase === 'Running' && pod.metadata.labels['mended'] === 'yes')
  expect(next.status.containers[0]).toMatchObject({ restartCount: 0, state: 'Running' })
  await expect(crash).toHaveCount(0)
})

test('a pod is copied under a name of its own', async ({ console: page, tenant }) => {
  await runPod(tenant, { name: 'web' })
  await page.goto(`/t/${tenant.slug}/pods`)
  await page.getByRole('button', { name: 'Actions for web' }).click()
  await page.getByRole('menuitem', { name: 'Copy pod' }).click()
  await expect(page.getByRole('textbox', { name: 'Name' }).first()).toHaveValue('web-copy')
  await page.getByRole('button', { name: 'Create pod', exact: true }).click()
  await expect(page).toHaveURL(/\/pods\/default\/web-copy$/)
})
