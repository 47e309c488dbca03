'use client'
import { useSearchParams } from 'next/navigation'
import { z } from 'zod'
import { newPassword, passwordLength } from '@/domain/account/password'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { AuthFrame } from './auth-frame'
import { TextLink } from './text-link'

const schema = z.object({ password: newPassword })

/** A new password with the token of a mailed link. */
export function ResetPasswordForm() {
  const api = useTRPCClient()
  const token = useSearchParams().get('token')
  const form = useForm({
    initial: { password: '' },
    schema,
    submit: ({ password }) => api.account.resetPassword.mutate({ token: token ?? '', password }),
    onDone: () => window.location.assign(`${paths.signIn()}?reset=done`),
  })
  return (
    <AuthFrame title="Choose a new password" footer={<TextLink href={paths.forgotPassword()}>Ask for a new link</TextLink>}>
      {token
        ? (
          <form method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
            {form.failure && <FailureCallout failure={form.failure} title="The password was not changed" />}
            <Field label="New password" hint={`At least ${passwordLength.min} characters. Every browser is signed out.`} error={form.errors['password']}>{(control) => <Input {...control} name="password" type="password" autoComplete="new-password" autoFocus value={form.values.password} onChange={(event) => form.set('password', event.target.value)} />}</Field>
            <Button variant="primary" type="submit" pending={form.pending}>Change password</Button>
          </form>
        )
        : <Callout tone="error" title="The link is not complete">Open it from the mail again, or ask for a new one.</Callout>}
    </AuthFrame>
  )
}
