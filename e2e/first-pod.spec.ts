import { release } from 'node:os'
import { fillSignIn, newPerson, tenantOf } from './fixtures/accounts'
import { withMotion } from './fixtures/motion'
import { createPod } from './fixtures/pods'
import { expect, test } from './fixtures/test'

test.use(withMotion)

test('a person signs up, runs an image of a registry, uses its terminal, reads its logs and deletes it', async ({ page, registry, tidied }) => {
  await registry.pushBusybox('team/hello:1', { cmd: ['sh', '-c', 'trap "exit 0" TERM; echo hello from $(hostname); echo a complaint >&2; sleep 3600 & wait'] })
  const person = newPerson()

  await test.step('sign up', async () => {
    await page.goto('/')
    await page.getByRole('link', { name: 'Create an account' }).first().click()
    await page.getByLabel('Name').fill(person.name)
    await page.getByLabel('E-mail').fill(person.email)
    await page.getByLabel('Organization').fill(person.organization)
    await page.getByLabel('Password').fill(person.password)
    await page.getByRole('button', { name: 'Create account' }).click()
    await expect(page.getByRole('heading', { name: 'Pods', level: 1 })).toBeVisible()
    await expect(page.getByText('No pods yet')).toBeVisible()
    tidied.push(await tenantOf(person))
  })

  await test.step('create a pod by the form', async () => {
    await page.getByRole('link', { name: 'Create pod' }).first().click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('hello')
    await page.getByRole('combobox', { name: 'Image' }).fill(`${registry.host}/team/hello:1`)
    await page.getByRole('button', { name: 'Create pod' }).click()
    await expect(page.getByRole('heading', { name: 'hello', level: 1 })).toBeVisible()
  })

  const header = page.locator('header').filter({ has: page.getByRole('heading', { level: 1 }) })
  await test.step('it runs', async () => {
    await expect(header.getByText('Running', { exact: true })).toBeVisible({ timeout: 120_000 })
    await expect(page.getByText('started from a template')).toBeVisible()
  })

  await test.step('its kernel is not the host’s', async () => {
    await page.getByRole('link', { name: 'Open terminal' }).click()
    const terminal = page.locator('.xterm-rows')
    await expect(page.getByText('Connected')).toBeVisible()
    await page.keyboard.type('echo kernel-$(uname -r)-$(id -u)\n')
    await expect(terminal).toContainText(/kernel-\d+\.\d+\S*-0\b/)
    await expect(terminal).not.toContainText(`kernel-${release()}-`)
    await page.keyboard.type('exit 7\n')
    await expect(page.getByText('The shell ended with exit code 7.')).toBeVisible()
  })

  await test.step('its logs', async () => {
    await page.getByRole('link', { name: 'Logs', exact: true }).click()
    const log = page.getByRole('log')
    await expect(log).toContainText('hello from hello')
    await expect(log).toContainText('error output: a complaint')
  })

  await test.step('delete it', async () => {
    await header.getByRole('button', { name: 'Delete pod' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await dialog.getByRole('button', { name: 'Delete pod' }).click()
    await expect(page.getByText('This pod is gone')).toBeVisible({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Show pods' }).click()
    await expect(page.getByText('No pods yet')).toBeVisible()
  })
})

test('a double press creates one pod, and a name that is taken goes to the name’s field', async ({ console: page, tenant }) => {
  await page.goto(`/t/${tenant.slug}/pods/new`)
  await page.getByRole('button', { name: 'Create pod' }).dblclick()
  await expect(page.getByRole('heading', { name: 'web', level: 1 })).toBeVisible()
  expect((await tenant.api.pod.list.query({ tenant: tenant.slug })).total).toBe(1)
  await page.goto(`/t/${tenant.slug}/pods/new`)
  await page.getByRole('button', { name: 'Create pod' }).click()
  await expect(page.getByText('The pod was not created')).toBeVisible()
  await expect(page.getByRole('textbox', { name: 'Name', exact: true }).first()).toHaveAttribute('aria-invalid', 'true')
})

test('a pod of another tenant looks as one that does not exist', async ({ console: page, tenant, makeTenant }) => {
  const other = await makeTenant()
  await createPod(other, { name: 'secret' })
  const nowhere = [`/t/${other.slug}/pods/default/secret`, `/t/${other.slug}/pods`, '/t/no-such-tenant/pods', `/t/${tenant.slug}/pods/default/secret`, '/system/hosts']
  for (const path of nowhere) {
    await test.step(path, async () => {
      await page.goto(path)
      await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
    })
  }
})

test('a page that needs a person asks for a sign-in and comes back', async ({ page, makeTenant }) => {
  const { slug, person } = await makeTenant()
  await page.goto(`/t/${slug}/networks`)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await fillSignIn(page, person)
  await expect(page).toHaveURL(new RegExp(`/t/${slug}/networks$`))
})
