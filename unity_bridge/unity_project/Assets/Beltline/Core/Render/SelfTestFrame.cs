// Written by scripts/unity_project.py from scripts/unity_self_test.py; `make schemas` writes it again.
using System.Collections.Generic;

namespace Beltline.Core
{
    /// <summary>The frame that a player renders of itself, and what must be found in it.</summary>
    static class SelfTestFrame
    {
        /// <summary>Pixel, row of the id table, and metres.</summary>
        public static readonly SelfTestProbe[] Probes =
        {
            new SelfTestProbe(13, 17, 1, 3.5),
            new SelfTestProbe(25, 25, 2, 2.8),
        };

        /// <summary>Visible share of the first instance.</summary>
        public const double VisibleFraction = 0.741554;

        public const double SkyCdM2 = 3000;

        public static readonly Dictionary<string, string> Files = new Dictionary<string, string>
        {
            { "2c1bd1da2c82b8e46511beb0319c4af639aff8ec9823d42212d81dc8c27183cc.glb",
                "Z2xURgIAAAAcBgAAMAMAAEpTT057ImFjY2Vzc29ycyI6W3siYnVmZmVyVmlldyI6MCwiY29tcG9uZW50VHlwZSI6NTEy" +
                "NiwiY291bnQiOjI0LCJ0eXBlIjoiVkVDMyJ9LHsiYnVmZmVyVmlldyI6MSwiY29tcG9uZW50VHlwZSI6NTEyNiwiY291" +
                "bnQiOjI0LCJtYXgiOlswLjIwMDAwMDAwMjk4MDIzMjI0LDAuMjAwMDAwMDAyOTgwMjMyMjQsMC4yMDAwMDAwMDI5ODAy" +
                "MzIyNF0sIm1pbiI6Wy0wLjIwMDAwMDAwMjk4MDIzMjI0LC0wLjIwMDAwMDAwMjk4MDIzMjI0LC0wLjIwMDAwMDAwMjk4" +
                "MDIzMjI0XSwidHlwZSI6IlZFQzMifSx7ImJ1ZmZlclZpZXciOjIsImNvbXBvbmVudFR5cGUiOjUxMjUsImNvdW50Ijoz" +
                "NiwidHlwZSI6IlNDQUxBUiJ9XSwiYXNzZXQiOnsiZ2VuZXJhdG9yIjoiYmVsdGxpbmUiLCJ2ZXJzaW9uIjoiMi4wIn0s" +
                "ImJ1ZmZlclZpZXdzIjpbeyJidWZmZXIiOjAsImJ5dGVMZW5ndGgiOjI4OCwiYnl0ZU9mZnNldCI6MCwidGFyZ2V0Ijoz" +
                "NDk2Mn0seyJidWZmZXIiOjAsImJ5dGVMZW5ndGgiOjI4OCwiYnl0ZU9mZnNldCI6Mjg4LCJ0YXJnZXQiOjM0OTYyfSx7" +
                "ImJ1ZmZlciI6MCwiYnl0ZUxlbmd0aCI6MTQ0LCJieXRlT2Zmc2V0Ijo1NzYsInRhcmdldCI6MzQ5NjN9XSwiYnVmZmVy" +
                "cyI6W3siYnl0ZUxlbmd0aCI6NzIwfV0sIm1lc2hlcyI6W3sibmFtZSI6ImJveCIsInByaW1pdGl2ZXMiOlt7ImF0dHJp" +
                "YnV0ZXMiOnsiTk9STUFMIjowLCJQT1NJVElPTiI6MX0sImluZGljZXMiOjIsIm1vZGUiOjR9XX1dLCJub2RlcyI6W3si" +
                "bWVzaCI6MCwibmFtZSI6ImJveCJ9XSwic2NlbmUiOjAsInNjZW5lcyI6W3sibmFtZSI6InNjcmVlbiIsIm5vZGVzIjpb" +
                "MF19XX0gICDQAgAAQklOAAAAgD8AAAAAAAAAgAAAgD8AAAAAAAAAgAAAgD8AAAAAAAAAgAAAgD8AAAAAAAAAgAAAgL8A" +
                "AACAAAAAAAAAgL8AAACAAAAAAAAAgL8AAACAAAAAAAAAgL8AAACAAAAAAAAAAAAAAAAAAACAvwAAAAAAAAAAAACAvwAA" +
                "AAAAAAAAAACAvwAAAAAAAAAAAACAvwAAAIAAAACAAACAPwAAAIAAAACAAACAPwAAAIAAAACAAACAPwAAAIAAAACAAACA" +
                "PwAAAAAAAIA/AAAAgAAAAAAAAIA/AAAAgAAAAAAAAIA/AAAAgAAAAAAAAIA/AAAAgAAAAIAAAIC/AAAAAAAAAIAAAIC/" +
                "AAAAAAAAAIAAAIC/AAAAAAAAAIAAAIC/AAAAAM3MTD7NzEy+zcxMPs3MTD7NzEy+zcxMvs3MTD7NzEw+zcxMvs3MTD7N" +
                "zEw+zcxMPs3MTL7NzEy+zcxMvs3MTL7NzEy+zcxMPs3MTL7NzEw+zcxMPs3MTL7NzEw+zcxMvs3MTL7NzEy+zcxMvs3M" +
                "TL7NzEw+zcxMvs3MTD7NzEw+zcxMvs3MTD7NzEy+zcxMvs3MTL7NzEw+zcxMPs3MTL7NzEy+zcxMPs3MTD7NzEy+zcxM" +
                "Ps3MTD7NzEw+zcxMPs3MTL7NzEw+zcxMPs3MTD7NzEw+zcxMPs3MTD7NzEw+zcxMvs3MTL7NzEw+zcxMvs3MTD7NzEy+" +
                "zcxMPs3MTL7NzEy+zcxMPs3MTL7NzEy+zcxMvs3MTD7NzEy+zcxMvgAAAAABAAAAAgAAAAAAAAACAAAAAwAAAAQAAAAF" +
                "AAAABgAAAAQAAAAGAAAABwAAAAgAAAAJAAAACgAAAAgAAAAKAAAACwAAAAwAAAANAAAADgAAAAwAAAAOAAAADwAAABAA" +
                "AAARAAAAEgAAABAAAAASAAAAEwAAABQAAAAVAAAAFgAAABQAAAAWAAAAFwAAAA==" },
            { "9ce338e1f23b653c4b34e91140d83d67103071aab3a2d4cd49b8b48f6eadaaa7.glb",
                "Z2xURgIAAAC8BQAA0AIAAEpTT057ImFjY2Vzc29ycyI6W3siYnVmZmVyVmlldyI6MCwiY29tcG9uZW50VHlwZSI6NTEy" +
                "NiwiY291bnQiOjI0LCJ0eXBlIjoiVkVDMyJ9LHsiYnVmZmVyVmlldyI6MSwiY29tcG9uZW50VHlwZSI6NTEyNiwiY291" +
                "bnQiOjI0LCJtYXgiOlswLjUsMC41LDAuNV0sIm1pbiI6Wy0wLjUsLTAuNSwtMC41XSwidHlwZSI6IlZFQzMifSx7ImJ1" +
                "ZmZlclZpZXciOjIsImNvbXBvbmVudFR5cGUiOjUxMjUsImNvdW50IjozNiwidHlwZSI6IlNDQUxBUiJ9XSwiYXNzZXQi" +
                "OnsiZ2VuZXJhdG9yIjoiYmVsdGxpbmUiLCJ2ZXJzaW9uIjoiMi4wIn0sImJ1ZmZlclZpZXdzIjpbeyJidWZmZXIiOjAs" +
                "ImJ5dGVMZW5ndGgiOjI4OCwiYnl0ZU9mZnNldCI6MCwidGFyZ2V0IjozNDk2Mn0seyJidWZmZXIiOjAsImJ5dGVMZW5n" +
                "dGgiOjI4OCwiYnl0ZU9mZnNldCI6Mjg4LCJ0YXJnZXQiOjM0OTYyfSx7ImJ1ZmZlciI6MCwiYnl0ZUxlbmd0aCI6MTQ0" +
                "LCJieXRlT2Zmc2V0Ijo1NzYsInRhcmdldCI6MzQ5NjN9XSwiYnVmZmVycyI6W3siYnl0ZUxlbmd0aCI6NzIwfV0sIm1l" +
                "c2hlcyI6W3sibmFtZSI6ImJveCIsInByaW1pdGl2ZXMiOlt7ImF0dHJpYnV0ZXMiOnsiTk9STUFMIjowLCJQT1NJVElP" +
                "TiI6MX0sImluZGljZXMiOjIsIm1vZGUiOjR9XX1dLCJub2RlcyI6W3sibWVzaCI6MCwibmFtZSI6ImJveCJ9XSwic2Nl" +
                "bmUiOjAsInNjZW5lcyI6W3sibmFtZSI6InRhcmdldCIsIm5vZGVzIjpbMF19XX0gICDQAgAAQklOAAAAgD8AAAAAAAAA" +
                "gAAAgD8AAAAAAAAAgAAAgD8AAAAAAAAAgAAAgD8AAAAAAAAAgAAAgL8AAACAAAAAAAAAgL8AAACAAAAAAAAAgL8AAACA" +
                "AAAAAAAAgL8AAACAAAAAAAAAAAAAAAAAAACAvwAAAAAAAAAAAACAvwAAAAAAAAAAAACAvwAAAAAAAAAAAACAvwAAAIAA" +
                "AACAAACAPwAAAIAAAACAAACAPwAAAIAAAACAAACAPwAAAIAAAACAAACAPwAAAAAAAIA/AAAAgAAAAAAAAIA/AAAAgAAA" +
                "AAAAAIA/AAAAgAAAAAAAAIA/AAAAgAAAAIAAAIC/AAAAAAAAAIAAAIC/AAAAAAAAAIAAAIC/AAAAAAAAAIAAAIC/AAAA" +
                "AAAAAD8AAAC/AAAAPwAAAD8AAAC/AAAAvwAAAD8AAAA/AAAAvwAAAD8AAAA/AAAAPwAAAL8AAAC/AAAAvwAAAL8AAAC/" +
                "AAAAPwAAAL8AAAA/AAAAPwAAAL8AAAA/AAAAvwAAAL8AAAC/AAAAvwAAAL8AAAA/AAAAvwAAAD8AAAA/AAAAvwAAAD8A" +
                "AAC/AAAAvwAAAL8AAAA/AAAAPwAAAL8AAAC/AAAAPwAAAD8AAAC/AAAAPwAAAD8AAAA/AAAAPwAAAL8AAAA/AAAAPwAA" +
                "AD8AAAA/AAAAPwAAAD8AAAA/AAAAvwAAAL8AAAA/AAAAvwAAAD8AAAC/AAAAPwAAAL8AAAC/AAAAPwAAAL8AAAC/AAAA" +
                "vwAAAD8AAAC/AAAAvwAAAAABAAAAAgAAAAAAAAACAAAAAwAAAAQAAAAFAAAABgAAAAQAAAAGAAAABwAAAAgAAAAJAAAA" +
                "CgAAAAgAAAAKAAAACwAAAAwAAAANAAAADgAAAAwAAAAOAAAADwAAABAAAAARAAAAEgAAABAAAAASAAAAEwAAABQAAAAV" +
                "AAAAFgAAABQAAAAWAAAAFwAAAA==" },
            { "e2252e57c39323d3b1ae41ca05cfd9cd15a37183247724193697bb6e83fb1d2c.hdr",
                "Iz9SQURJQU5DRQpGT1JNQVQ9MzItYml0X3JsZV9yZ2JlCgotWSA0ICtYIDgKAgIACAiAgICAgICAgAiAgICAgICAgAiA" +
                "gICAgICAgAiBgYGBgYGBgQICAAgIgICAgICAgIAIgICAgICAgIAIgICAgICAgIAIgYGBgYGBgYECAgAICICAgICAgICA" +
                "CICAgICAgICACICAgICAgICACIGBgYGBgYGBAgIACAiAgICAgICAgAiAgICAgICAgAiAgICAgICAgAiBgYGBgYGBgQ==" },
        };

        public const string Spec =
            "{\"assets\":[{\"digest\":\"sha256:2c1bd1da2c82b8e46511beb0319c4af639aff8ec9823d42212d81dc8c2" +
            "7183cc\",\"media_type\":\"model/gltf-binary\"},{\"digest\":\"sha256:9ce338e1f23b653c4b34e911" +
            "40d83d67103071aab3a2d4cd49b8b48f6eadaaa7\",\"media_type\":\"model/gltf-binary\"},{\"digest\"" +
            ":\"sha256:e2252e57c39323d3b1ae41ca05cfd9cd15a37183247724193697bb6e83fb1d2c\",\"media_type\":" +
            "\"image/vnd.radiance\"}],\"camera\":{\"K\":[[80,0,44],[0,80,36],[0,0,1]],\"distortion\":[0,0" +
            ",0,0,0],\"height_px\":64,\"width_px\":96,\"world_from_camera\":[[1,0,0,0],[0,0,1,-4],[0,-1,0" +
            ",0],[0,0,0,1]]},\"environment\":{\"image\":\"sha256:e2252e57c39323d3b1ae41ca05cfd9cd15a37183" +
            "247724193697bb6e83fb1d2c\",\"luminance_cd_m2\":3000,\"world_from_environment\":[[1,0,0],[0,1" +
            ",0],[0,0,1]]},\"exposure\":{\"ev100\":11.8803148199682,\"white_balance_gains\":[1,1,1]},\"fr" +
            "ame\":{\"attempt\":0,\"generator\":\"self-test\",\"generator_digest\":\"sha256:e44f8f9de4953" +
            "63f127326862d8ecad3afe2006c29182dc2756625123b337bb4\",\"index\":0,\"seed\":0},\"labels\":[{\"" +
            "color\":[0,0,0],\"id\":0,\"name\":\"background\"},{\"color\":[255,0,0],\"id\":1,\"name\":\"t" +
            "arget\"},{\"color\":[0,255,0],\"id\":2,\"name\":\"screen\"}],\"lights\":[],\"materials\":{\"" +
            "screen\":{\"base_color\":[0.02,0.8,0.02],\"base_color_texture\":null,\"clearcoat\":0,\"lumin" +
            "ance_cd_m2\":0,\"metallic\":0,\"model\":\"surface\",\"roughness\":1,\"sheen\":0,\"texture_sc" +
            "ale\":[1,1]},\"target\":{\"base_color\":[0.8,0.02,0.02],\"base_color_texture\":null,\"clearc" +
            "oat\":0,\"luminance_cd_m2\":0,\"metallic\":0,\"model\":\"surface\",\"roughness\":1,\"sheen\"" +
            ":0,\"texture_scale\":[1,1]}},\"must_appear\":[],\"objects\":[{\"asset\":\"sha256:9ce338e1f23" +
            "b653c4b34e91140d83d67103071aab3a2d4cd49b8b48f6eadaaa7\",\"name\":\"target\",\"parts\":{\"box" +
            "\":{\"instance\":1,\"label\":\"target\",\"material\":\"target\",\"see_through\":false}},\"wo" +
            "rld_from_object\":[[1,0,0,-1.1],[0,1,0,0],[0,0,1,0.6],[0,0,0,1]]},{\"asset\":\"sha256:2c1bd1" +
            "da2c82b8e46511beb0319c4af639aff8ec9823d42212d81dc8c27183cc\",\"name\":\"screen\",\"parts\":{" +
            "\"box\":{\"instance\":2,\"label\":\"screen\",\"material\":\"screen\",\"see_through\":false}}" +
            ",\"world_from_object\":[[1,0,0,-0.65],[0,1,0,-1],[0,0,1,0.35],[0,0,0,1]]}],\"render\":{\"den" +
            "oise\":false,\"maximum_bounces\":1,\"samples_per_pixel\":1,\"seed\":0},\"schema_version\":1," +
            "\"sensor\":{\"contrast\":1,\"defocus_sigma_px\":0,\"full_well_electrons\":30000,\"iso_gain\"" +
            ":0,\"jpeg_quality\":100,\"motion_blur_angle_deg\":0,\"motion_blur_px\":0,\"read_noise_electr" +
            "ons\":3,\"sharpening_amount\":0,\"sharpening_sigma_px\":1,\"vignetting_stops\":0}}";
    }
}
