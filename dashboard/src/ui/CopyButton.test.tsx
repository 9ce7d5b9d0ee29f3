import { CopyButton } from '@/ui/CopyButton';
import { fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  Reflect.deleteProperty(navigator, 'clipboard');
  Reflect.deleteProperty(document, 'execCommand');
});

const onClipboard = (writeText: (text: string) => Promise<void>) =>
  Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });

/** What the browser finds selected; it copies that, or refuses to. */
const onCommand = (isAllowed: boolean) => {
  const selected: string[] = [];
  const execCommand = (command: string) => {
    const { activeElement: field } = document;
    if (command === 'copy' && field instanceof HTMLTextAreaElement) {
      selected.push(field.value.slice(field.selectionStart, field.selectionEnd));
    }
    return isAllowed;
  };
  Object.defineProperty(document, 'execCommand', { value: execCommand, configurable: true });
  return selected;
};

async function press(): Promise<string> {
  render(<CopyButton text="the-secret" label="the key" />);
  fireEvent.click(screen.getByRole('button', { name: 'Copy the key' }));
  return (await screen.findByText(/^(Copied|Select and copy)$/)).textContent;
}

it('copies by the clipboard where there is one', async () => {
  const writeText = vi.fn(() => Promise.resolve());
  onClipboard(writeText);
  const selected = onCommand(true);
  expect(await press()).toBe('Copied');
  expect(writeText).toHaveBeenCalledExactlyOnceWith('the-secret');
  expect(selected).toEqual([]);
});

it('copies by a selection where the page has no clipboard, as over plain HTTP', async () => {
  const selected = onCommand(true);
  expect(await press()).toBe('Copied');
  expect(selected).toEqual(['the-secret']);
  expect(document.querySelector('textarea')).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole('button'));
});

it('copies by a selection where the clipboard is refused', async () => {
  onClipboard(() => Promise.reject(new DOMException('no', 'NotAllowedError')));
  const selected = onCommand(true);
  expect(await press()).toBe('Copied');
  expect(selected).toEqual(['the-secret']);
});

it('says that it has to be done by hand where neither works', async () => {
  onCommand(false);
  expect(await press()).toBe('Select and copy');
  Reflect.deleteProperty(document, 'execCommand');
  fireEvent.click(screen.getByRole('button'));
  expect(await screen.findByText('Select and copy')).toBeTruthy();
});
