import type { Metadata, Viewport } from 'next'
import localFont from 'next/font/local'
import { cookies, headers } from 'next/headers'
import type { ReactNode } from 'react'
import { earlyClicksScript } from '@/components/client/early-clicks'
import { readTheme } from '@/components/client/theme'
import './globals.css'

const inter = localFont({ src: '../node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2', weight: '100 900', variable: '--font-inter', display: 'swap' })
const jetbrains = localFont({ src: '../node_modules/@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2', weight: '100 800', variable: '--font-jetbrains', display: 'swap', preload: false })

export const metadata: Metadata = {
  title: { default: 'Hypernetes', template: '%s · Hypernetes' },
  description: 'Every pod in a virtual machine of its own.',
}
export const viewport: Viewport = { colorScheme: 'light dark' }

/** The nonce of this answer's Content-Security-Policy (server/api/security-headers.ts). */
const nonceOf = (policy: string | null): string | undefined => /'nonce-([^']+)'/.exec(policy ?? '')?.[1]

/** The theme that a person chose stands in the HTML, so nothing has to run before the first paint. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const theme = readTheme((await cookies()).get('theme')?.value)
  const nonce = nonceOf((await headers()).get('content-security-policy'))
  return (
    <html lang="en" data-theme={theme === 'system' ? undefined : theme} className={`${inter.variable} ${jetbrains.variable}`} suppressHydrationWarning>
      <body className="font-sans">
        <script nonce={nonce} suppressHydrationWarning dangerouslySetInnerHTML={{ __html: earlyClicksScript }} />
        {children}
      </body>
    </html>
  )
}
