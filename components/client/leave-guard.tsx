'use client'
import { useRouter } from 'next/navigation'
import { useEffect, useState } from 'react'
import { AlertDialog } from '@/components/ui/alert-dialog'

/** While `changed`, leaving the page by a link asks first, and closing the window makes the browser ask. */
export function LeaveGuard({ changed, what }: { changed: boolean; what: string }) {
  const router = useRouter()
  const [target, setTarget] = useState<string | null>(null)
  useEffect(() => {
    if (!changed) return
    const unload = (event: BeforeUnloadEvent) => event.preventDefault()
    const click = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest('a[href]') : null
      if (!(link instanceof HTMLAnchorElement) || link.target === '_blank' || event.metaKey || event.ctrlKey || event.shiftKey || link.origin !== location.origin || link.pathname === location.pathname) return
      event.preventDefault()
      event.stopPropagation()
      setTarget(link.pathname + link.search)
    }
    addEventListener('beforeunload', unload)
    document.addEventListener('click', click, true)
    return () => { removeEventListener('beforeunload', unload); document.removeEventListener('click', click, true) }
  }, [changed])
  return target === null ? null : (
    <AlertDialog title="Leave this page?" confirm="Discard changes" onConfirm={() => { setTarget(null); router.push(target) }} onClose={() => setTarget(null)}>
      <p>{what} is not saved.</p>
    </AlertDialog>
  )
}
