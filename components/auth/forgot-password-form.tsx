'use client'
import { useState } from 'react'
import { requestResetInput } from '@/domain/account/input'
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

/** Asks for a link to choose a new password; the answer is the same whether the account exists or not. */
export function ForgotPasswordForm() {
  const api = useTRPCClient()
  const [sent, setSent] = useState(false)
  const form = useForm({ initial: { email: '' }, schema: requestResetInput, submit: (values) => api.account.requestPasswordReset.mutate(values), onDone: () => setSent(true) })
  return (
    <AuthFrame title="Reset your password" footer={<TextLink href={paths.signIn()}>Back to sign in</TextLink>}>
      {sent
        ? <Callout tone="success" title="Check your mail">If an account has the address {form.values.email}, a link is on its way. Where no mail is sent, the operator of this installation can hand it to you.</Callout>
        : (
          <form method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
            {form.failure && <FailureCallout failure={form.failure} title="No link was sent" />}
            <Field label="E-mail" hint="A link to choose a new password goes there" error={form.errors['email']}>{(control) => <Input {...control} name="email" type="email" autoComplete="username" autoFocus value={form.values.email} onChange={(event) => form.set('email', event.target.value)} />}</Field>
            <Button variant="primary" type="submit" pending={form.pending}>Send link</Button>
          </form>
        )}
    </AuthFrame>
  )
}
