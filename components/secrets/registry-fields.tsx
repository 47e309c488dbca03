'use client'
import { dockerConfigJson, dockerConfigKey } from '@/domain/secret/types'
import { textToBase64 } from '@/domain/shared/base64'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'

export type RegistryLogin = { registry: string; username: string; password: string }
export const noLogin: RegistryLogin = { registry: '', username: '', password: '' }

/** The value that a registry login becomes. */
export const loginValue = ({ registry, username, password }: RegistryLogin): Record<string, string> => ({ [dockerConfigKey]: dockerConfigJson(registry.trim(), username, password, textToBase64) })

/** Registry, user and password instead of the JSON that they become. */
export function RegistryFields({ login, errors, onChange }: { login: RegistryLogin; errors: Record<string, string>; onChange: (next: RegistryLogin) => void }) {
  const set = (patch: Partial<RegistryLogin>) => onChange({ ...login, ...patch })
  return (
    <>
      <Field label="Registry" hint="As image names begin, such as registry.example or registry.example:5000" error={errors['login.registry']}>
        {(control) => <Input {...control} mono value={login.registry} autoComplete="off" spellCheck={false} onChange={(event) => set({ registry: event.target.value })} />}
      </Field>
      <Field label="User" error={errors['login.username']}>
        {(control) => <Input {...control} mono value={login.username} autoComplete="off" spellCheck={false} onChange={(event) => set({ username: event.target.value })} />}
      </Field>
      <Field label="Password or token" error={errors['login.password']}>
        {(control) => <Input {...control} type="password" value={login.password} autoComplete="new-password" onChange={(event) => set({ password: event.target.value })} />}
      </Field>
    </>
  )
}
