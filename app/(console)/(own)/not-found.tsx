import { paths } from '@/components/client/paths'
import { NotFound } from '@/components/patterns/not-found'

export default function Page() {
  return <NotFound home={paths.home()} />
}
