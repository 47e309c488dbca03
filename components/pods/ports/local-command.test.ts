import { expect, it } from 'vitest'
import { forwardCommand } from './local-command'

it('is one line for a shell, with a local port that needs no rights', () => {
  const of = { origin: 'https://console.example', tenant: 'ann', namespace: 'default', name: 'web', port: 80 }
  expect(forwardCommand(of)).toBe('npm run forward -- --url https://console.example --tenant ann default/web 8080:80')
  expect(forwardCommand({ ...of, port: 5432 })).toContain('5432:5432')
  expect(forwardCommand({ ...of, tenant: "a'b c" })).toContain(String.raw`'a'\''b c'`)
})
