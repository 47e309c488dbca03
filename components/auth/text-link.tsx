import Link from 'next/link'
import type { ReactNode } from 'react'

export const TextLink = ({ href, children }: { href: string; children: ReactNode }) => <Link href={href} className="rounded-sm text-accent-content underline decoration-accent/40 underline-offset-3 hover:decoration-accent">{children}</Link>
