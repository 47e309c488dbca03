import type { ReactNode } from 'react'
import { requireOperator } from '../../../session'

export default async function Layout({ children }: { children: ReactNode }) {
  await requireOperator()
  return children
}
