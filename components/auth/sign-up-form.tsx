'use client'
import { useState } from 'react'
import { signUpInput } from '@/domain/account/input'
import { passwordLength } from '@/domain/account/password'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { AuthFrame } from './auth-frame'
import { signInWith } from './sign-in-with'
import { TextLink } from './text-link'

const initial = { name: '', email: '', organization: '', password: '' }

/** A new account with its tenant; then straight to its pods. */
export function SignUpForm() {
  const api = useTRPCClient()
  const [waiting, setWaiting] = useState(false)
  const form = useForm({
    initial,
    schema: signUpInput,
    submit: async (values) => {
      const result = await api.account.signUp.mutate(values)
      return { ...result, refusal: result.pending ? null : await signInWith(values.email, values.password) }
    },
    onDone: ({ pending, refusal, tenant }) => {
      if (pending) setWaiting(true)
      else window.location.assign(refusal === null ? paths.pods(tenant.slug) : paths.signIn())
    },
  })
  const { values, set, errors } = form
  if (waiting) return <AuthFrame title="Almost there"><p className="text-sm text-soft">Your account waits for an operator to approve it. You can sign in as soon as that is done.</p></AuthFrame>
  return (
    <AuthFrame title="Create an account" footer={<>Have an account? <TextLink href={paths.signIn()}>Sign in</TextLink></>}>
      <form method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
        {form.failure && <FailureCallout failure={form.failure} title="The account was not created" />}
        <Field label="Name" error={errors['name']}>{(control) => <Input {...control} name="name" autoComplete="name" autoFocus value={values.name} onChange={(event) => set('name', event.target.value)} />}</Field>
        <Field label="E-mail" error={errors['email']}>{(control) => <Input {...control} name="email" type="email" autoComplete="username" value={values.email} onChange={(event) => set('email', event.target.value)} />}</Field>
        <Field label="Organization" hint="Names your tenant: its pods, networks and tokens" error={errors['organization']}>{(control) => <Input {...control} name="organization" autoComplete="organization" value={values.organization} onChange={(event) => set('organization', event.target.value)} />}</Field>
        <Field label="Password" hint={`At least ${passwordLength.min} characters`} error={errors['password']}>{(control) => <Input {...control} name="password" type="password" autoComplete="new-password" value={values.password} onChange={(event) => set('password', event.target.value)} />}</Field>
        <Button variant="primary" type="submit" pending={form.pending} className="mt-1">Create account</Button>
      </form>
    </AuthFrame>
  )
}
