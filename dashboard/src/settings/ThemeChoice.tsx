import { getTheme, setTheme, type Theme } from '@/settings/theme';
import { MoonIcon, ScreenIcon, SunIcon } from '@/ui/icons';
import { Segments } from '@/ui/Segments';
import { useState } from 'react';

export function ThemeChoice() {
  const [theme, choose] = useState(getTheme);
  return (
    <Segments<Theme>
      className="justify-self-start"
      label="Theme"
      value={theme}
      onChange={(chosen) => {
        setTheme(chosen);
        choose(chosen);
      }}
      choices={[
        { value: 'system', label: 'System', icon: ScreenIcon },
        { value: 'light', label: 'Light', icon: SunIcon },
        { value: 'dark', label: 'Dark', icon: MoonIcon },
      ]}
    />
  );
}
