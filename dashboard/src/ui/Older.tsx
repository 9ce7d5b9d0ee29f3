interface Props {
  word: string;
  list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

/** At the foot of a list that comes in pages: the way to the next. */
export function Older({ word, list }: Props) {
  if (!list.hasNextPage) return null;
  return (
    <div className="panel-foot">
      <button type="button" className="button" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
        {list.isFetchingNextPage ? 'Loading…' : word}
      </button>
    </div>
  );
}
