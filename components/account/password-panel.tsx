'use client'
import { useQueryClient } from '@tanstack/react-query'
import { changePasswordInput } from '@/domain/account/input'
import { passwordLength } from '@/domain/account/password'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import { notify } from '@/components/ui/toast'

/** A new password; every other browser is signed out by it. */
export function PasswordPanel({ email }: { email: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const form = useForm({
    initial: { currentPassword: '', newPassword: '' },
    schema: changePasswordInput,
    submit: (values) => api.account.changePassword.mutate(values),
    onDone: ({ sessionsRevoked }) => {
      form.set('currentPassword', '')
      form.set('newPassword', '')
      void notify({ title: 'Password changed', detail: sessionsRevoked > 0 ? `${formatCount(sessionsRevoked, 'other session')} ended.` : 'No other session was open.' })
      void queries.invalidateQueries({ queryKey: trpc.account.sessions.queryKey() })
    },
  })
  const { values, set, errors } = form
  return (
    <Panel title="Password">
      <form method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
        {form.failure && <FailureCallout failure={form.failure} title="The password was not changed" />}
        <input type="email" name="email" autoComplete="username" value={email} readOnly hidden />
        <Field label="Current password" error={errors['currentPassword']}>
          {(control) => <Input {...control} type="password" name="currentPassword" autoComplete="current-password" value={values.currentPassword} onChange={(event) => set('currentPassword', event.target.value)} />}
        </Field>
        <Field label="New password" hint={`At least ${passwordLength.min} characters`} error={errors['newPassword']}>
          {(control) => <Input {...control} type="password" name="newPassword" autoComplete="new-password" value={values.newPassword} onChange={(event) => set('newPassword', event.target.value)} />}
        </Field>
        <div><Button variant="primary" type="submit" pending={form.pending}>Change password</Button></div>
      </form>
    </Panel>
  )
}
