import Link from 'next/link'
import { paths } from '@/components/client/paths'
import { ButtonLink } from '@/components/ui/button'
import { Mark } from '@/components/ui/mark'
import { StartPicture } from './start-picture'

/** What a visitor sees: one sentence, a pod that starts, one button. */
export function LandingPage() {
  return (
    <div className="relative isolate flex min-h-dvh flex-col overflow-hidden">
      <div className="graph-paper absolute inset-0 -z-10" aria-hidden />
      <header className="flex h-14 items-center justify-between px-5 md:px-8">
        <span className="inline-flex items-center gap-2.5 text-base font-semibold"><Mark />Hypernetes</span>
        <Link href={paths.signIn()} className="inline-flex h-8 items-center rounded-md px-3 text-sm font-medium text-soft hover:bg-hover hover:text-content">Sign in</Link>
      </header>
      <main className="mx-auto flex w-full max-w-240 flex-1 flex-col items-center justify-center gap-8 px-5 pb-24 pt-10 text-center">
        <h1 className="max-w-160 text-balance text-2xl font-semibold tracking-[-0.02em] sm:text-3xl">Every pod in a virtual machine of its own.</h1>
        <ButtonLink variant="primary" size="lg" href={paths.signUp()}>Create an account</ButtonLink>
        <StartPicture />
      </main>
    </div>
  )
}
