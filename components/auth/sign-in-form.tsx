'use client'
import { useSearchParams } from 'next/navigation'
import { useState } from 'react'
import { signInErrorMessage } from '@/domain/account/sign-in-error'
import { paths, safeNext } from '@/components/client/paths'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { AuthFrame } from './auth-frame'
import { signInWith } from './sign-in-with'
import { TextLink } from './text-link'

/** E-mail and password. A press before the script has loaded posts, so that no password comes into an address. */
export function SignInForm() {
  const params = useSearchParams()
  const [error, setError] = useState<string | null>(() => (params.get('error') ? signInErrorMessage(params.get('error') ?? '') : null))
  const [pending, setPending] = useState(false)
  const next = params.get('next') ?? params.get('callbackUrl')
  const submit = async (data: FormData) => {
    setPending(true)
    setError(null)
    const refusal = await signInWith(String(data.get('email')), String(data.get('password')))
    if (refusal === null) window.location.assign(safeNext(next))
    else {
      setError(refusal)
      setPending(false)
    }
  }
  return (
    <AuthFrame title="Sign in" footer={<>No account yet? <TextLink href={paths.signUp()}>Create an account</TextLink></>}>
      <form method="post" onSubmit={(event) => { event.preventDefault(); if (!pending) void submit(new FormData(event.currentTarget)) }} className="flex flex-col gap-4">
        {params.get('reset') === 'done' && !error && <Callout tone="success" title="Password changed">Sign in with the new one.</Callout>}
        {error && <Callout tone="error" title="Not signed in">{error}</Callout>}
        <Field label="E-mail">{(control) => <Input {...control} name="email" type="email" required autoComplete="username" autoFocus />}</Field>
        <Field label="Password">{(control) => <Input {...control} name="password" type="password" required autoComplete="current-password" />}</Field>
        <Button variant="primary" type="submit" pending={pending} className="mt-1">Sign in</Button>
        <p className="text-center text-sm"><TextLink href={paths.forgotPassword()}>Forgot your password?</TextLink></p>
      </form>
    </AuthFrame>
  )
}
