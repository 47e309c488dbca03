import { redirect } from 'next/navigation'
import { paths } from '@/components/client/paths'

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  redirect(paths.pods(decodeURIComponent((await params).tenant)))
}
