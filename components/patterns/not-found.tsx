import { buttonClass } from '@/components/ui/button-class'
import { cn } from '@/components/ui/cn'
import { Mark } from '@/components/ui/mark'

/** What does not exist and what one may not see look the same. */
export function NotFound({ home }: { home: string }) {
  return (
    <div className="mx-auto flex max-w-100 flex-col items-center gap-3 py-20 text-center">
      <Mark className="size-8 text-faint" />
      <h1 className="mt-2 text-xl font-semibold">There is nothing here</h1>
      <p className="text-balance text-sm text-faint">The address is wrong, the thing was deleted, or you may not see it.</p>
      {/* A plain link: every page loads what this one needs, in case there is nothing. */}
      <a href={home} className={cn(buttonClass({}), 'mt-2')}>Go to the start page</a>
    </div>
  )
}
