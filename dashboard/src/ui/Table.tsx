import type { ReactNode } from 'react';

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ReactNode;
  /** Shown from this width of the panel on; always without it. */
  from?: 'middle' | 'wide';
  /** Said less loudly than the rest. */
  quiet?: boolean;
}

interface Props<Row> {
  rows: readonly Row[];
  /** The first names the row. */
  columns: readonly Column<Row>[];
  actions?: (row: Row) => ReactNode;
}

export function Table<Row extends { id: string | number }>({ rows, columns, actions }: Props<Row>) {
  return (
    <table className="table rows">
      <thead>
        <tr>
          {columns.map(({ head, from }) => (
            <th key={head} scope="col" className={from && `col-${from}`}>
              {head}
            </th>
          ))}
          {actions && (
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id}>
            {columns.map(({ head, cell, from, quiet }, index) => {
              const className = [from && `col-${from}`, quiet && 'text-muted'].filter(Boolean).join(' ');
              return index === 0 ? (
                <th key={head} scope="row">
                  {cell(row)}
                </th>
              ) : (
                <td key={head} className={className}>
                  {cell(row)}
                </td>
              );
            })}
            {actions && (
              <td>
                <span className="actions">{actions(row)}</span>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface NameProps {
  children: ReactNode;
  /** What goes before the name: an icon, an avatar. */
  mark?: ReactNode;
  /** Below the name, at any width. */
  note?: ReactNode;
  /** Below the name, where the columns that say it have no place. */
  narrow?: ReactNode;
}

/** The cell that names a row. */
export function RowName({ children, mark, note, narrow }: NameProps) {
  return (
    <span className="flex items-center gap-3">
      {mark}
      <span className="min-w-0">
        <span className="block font-medium wrap-anywhere">{children}</span>
        {note && <span className="block font-normal wrap-anywhere text-muted">{note}</span>}
        {narrow && <span className="narrow-only font-normal text-muted">{narrow}</span>}
      </span>
    </span>
  );
}

interface ActionProps {
  word: string;
  /** What it is done to: the word alone would say the same in each row. */
  of: string;
  onClick: () => void;
  danger?: boolean;
  disabled?: boolean;
}

export function RowAction({ word, of, onClick, danger = false, disabled = false }: ActionProps) {
  return (
    <button
      type="button"
      className={`button button-small ${danger ? 'button-danger' : 'button-quiet'}`}
      aria-label={`${word}: ${of}`}
      disabled={disabled}
      onClick={onClick}
    >
      {word}
    </button>
  );
}
